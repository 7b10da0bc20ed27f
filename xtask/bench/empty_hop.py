#!/usr/bin/env python3
"""Measures how long a message takes from one side of a queue to a function that does nothing.

    empty_hop.py COUNT [PAUSE_S]

Prints milliseconds, one line for each message, and leaves nothing behind. The function is python_function.py; the cloud
is the one that the environment names (AWS_ENDPOINT_URL). Messages go one by one, as the stages of a job do. The first
one, which starts the function's process, is not counted.
"""

import io
import json
import sys
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

import boto3

PATIENCE_S = 30


def package() -> bytes:
    """The function as Lambda takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, Path(__file__).with_name("python_function.py").read_bytes())
    return packed.getvalue()


def lines(file: Path) -> list[str]:
    """What the function has noted so far."""
    return file.read_text(encoding="utf-8").splitlines()


def send(sqs, queue: str, notes: Path) -> None:
    """Sends one message and waits for its note."""
    before = len(lines(notes))
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"sent_ns": time.time_ns(), "note_in": str(notes)}))
    deadline = time.monotonic() + PATIENCE_S
    while len(lines(notes)) == before:
        if time.monotonic() > deadline:
            sys.exit(f"a message did not arrive within {PATIENCE_S} s")
        time.sleep(0.01)


def main() -> None:
    """Sets the function up, measures, and takes it down."""
    count, pause_s = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    name = f"bench-{uuid.uuid4().hex[:8]}"
    sqs, functions = boto3.client("sqs"), boto3.client("lambda")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    mapping = None
    try:
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        role = "arn:aws:iam::000000000000:role/bench"
        functions.create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": package()}
        )
        mapping = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=1)["UUID"]
        with tempfile.TemporaryDirectory() as folder:
            notes = Path(folder, "notes")
            notes.touch()
            for _ in range(count + 1):
                send(sqs, queue, notes)
                time.sleep(pause_s)
            print("\n".join(lines(notes)[1:]))
    finally:
        if mapping:
            functions.delete_event_source_mapping(UUID=mapping)
            functions.delete_function(FunctionName=name)
        sqs.delete_queue(QueueUrl=queue)


if __name__ == "__main__":
    main()
