"""What a realtime frame holds: msgpack, or JSON where an app chose that (§7.3)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fal_cli.sandbox.replies import answers


@dataclass(frozen=True)
class Codec:
    """Both directions; each raises an exception whose text goes into the error frame."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def _pack(value: Any) -> bytes:
    packed: bytes = import_module("msgpack").packb(value, use_bin_type=True, datetime=True)
    return packed


def _unpack(data: bytes) -> Any:
    return import_module("msgpack").unpackb(data, raw=False, strict_map_key=False)


MSGPACK = Codec(_pack, _unpack)
JSON = Codec(answers.dump, json.loads)
