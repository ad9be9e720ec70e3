"""The vendor's Python client at the work of a row: `python vendor.py VERB [WORD…]`, as a script on it is written.

It is told where to go by the environment, as our program is; only the hosts that it has as constants, and the
`https` that it puts before the others, are set here.
"""

import json
import os
import sys
from pathlib import Path

import fal_client
from fal_client import client


def _base(name: str) -> str:
    value = os.environ.get(name, "fal.run")
    return value if "://" in value else f"https://{value}"


client.REST_URL = _base("FAL_REST_HOST")
client.CDN_URL = _base("FAL_CDN_HOST")
client.RUN_URL_FORMAT = f"{_base('FAL_RUN_HOST')}/"
client.QUEUE_URL_FORMAT = f"{_base('FAL_QUEUE_RUN_HOST')}/"
client.REALTIME_URL_FORMAT = client.RUN_URL_FORMAT.replace("http", "ws", 1)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def version() -> None:
    _print(fal_client.__version__)


def submit(app: str, arguments: str) -> None:
    _print(fal_client.submit(app, arguments=json.loads(arguments)).request_id)


def status(app: str, request_id: str) -> None:
    _print(type(fal_client.status(app, request_id)).__name__)


def run(app: str, arguments: str) -> None:
    _print(json.dumps(fal_client.subscribe(app, arguments=json.loads(arguments))))


def result(app: str, request_id: str) -> None:
    _print(json.dumps(fal_client.result(app, request_id)))


def upload(file: str) -> None:
    _print(fal_client.upload_file(Path(file)))


def stream(app: str) -> None:
    for event in fal_client.stream(app, arguments={}):
        _print(json.dumps(event))


def realtime(app: str) -> None:
    with fal_client.realtime(app) as connection:
        for line in sys.stdin:
            connection.send(json.loads(line))
            _print(json.dumps(connection.recv()))


def realtime_alone(app: str, count: str) -> None:
    with fal_client.realtime(app) as connection:
        for number in range(int(count)):
            connection.send({"number": number})
            _print(json.dumps(connection.recv()))


def batch(app: str, path: str, folder: str) -> None:
    """As scripts do it: a list, so many calls at once, the picture of each saved."""
    import asyncio

    import httpx

    async def one(number: int, arguments: dict[str, object], places: asyncio.Semaphore, web: httpx.AsyncClient) -> None:
        async with places:
            result = await fal_client.subscribe_async(app, arguments=arguments)
            for index, image in enumerate(result["images"]):
                answer = await web.get(image["url"])
                (Path(folder) / f"{number}-{index}.jpg").write_bytes(answer.content)

    async def every() -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        calls = [json.loads(line) for line in Path(path).read_text().splitlines()]
        places = asyncio.Semaphore(40)
        async with httpx.AsyncClient(verify=os.environ.get("SSL_CERT_FILE", "") or True) as web:
            await asyncio.gather(*(one(number, call, places, web) for number, call in enumerate(calls, 1)))

    asyncio.run(every())


verb, *words = sys.argv[1:]
globals()[verb](*words)
