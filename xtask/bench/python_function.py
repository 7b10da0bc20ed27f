#!/usr/bin/env python3
"""The least that a Lambda function in Python does: the peer of `cargo xtask bench`, laid out as `bootstrap`.

With CLIENTS set it first makes boto3 clients of those services, as Marey's functions make theirs: then its start is what
is compared. Each SQS message tells when it was sent and a file in which to note how long it took to get here: then the
hop is what is compared.
"""

import http.client
import json
import os
import time

for service in os.environ.get("CLIENTS", "").split():
    import boto3

    boto3.client(service)

PREFIX = "/2018-06-01/runtime/invocation"


def main() -> None:
    """Takes one event after another until the process is ended."""
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        runtime.request("GET", f"{PREFIX}/next")
        invocation = runtime.getresponse()
        event = json.load(invocation)
        now_ns = time.time_ns()
        for record in event.get("Records", []):
            message = json.loads(record["body"])
            with open(message["note_in"], "a", encoding="utf-8") as notes:
                print((now_ns - message["sent_ns"]) / 1e6, file=notes)
        # The local cloud waits 50 ms for the log of a function that says nothing.
        print("message received", flush=True)
        runtime.request("POST", f"{PREFIX}/{invocation.headers['Lambda-Runtime-Aws-Request-Id']}/response", b"{}")
        runtime.getresponse().read()


if __name__ == "__main__":
    main()
