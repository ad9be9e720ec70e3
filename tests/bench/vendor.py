"""The vendor's Python client at the same work: `python -m tests.bench.vendor upload FILE | stream COUNT`.

Its REST and CDN hosts are constants, so they are pointed at the sink here; nothing else is changed.
"""

import os
import sys

import fal_client
from fal_client import client

base = os.environ["BENCH_SINK"]
client.REST_URL = base
client.CDN_URL = base
client.RUN_URL_FORMAT = f"{base}/"

verb, argument = sys.argv[1:]
if verb == "upload":
    sys.stdout.write(f"{fal_client.upload_file(argument)}\n")
else:
    import json

    for event in fal_client.stream(f"{argument}/app", arguments={}):
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
