"""DynamoDB for LocalStack from another program than DynamoDB Local, which needs Java and a download.

`DYNAMODB_BACKEND_CMD` is a command line, split as a shell would. The program finds its address in `BIND_HOST` and
`GATEWAY_PORT` and must speak DynamoDB's API there; MiniStack does.
"""

import os
import shlex
import subprocess

from localstack.runtime import hooks

COMMAND = shlex.split(os.environ.get("DYNAMODB_BACKEND_CMD", ""))


@hooks.on_infra_start(should_load=bool(COMMAND), priority=100)
def serve_dynamodb_by_command() -> None:
    """Replaces the way LocalStack starts DynamoDB Local, before anything has started it."""
    from localstack.services.dynamodb.server import DynamodbServer

    DynamodbServer.do_start_thread = _start


def _start(server):
    """Starts the program on the port that LocalStack chose and returns the thread that LocalStack manages."""
    from localstack.utils.run import FuncThread

    process = subprocess.Popen(
        COMMAND,
        env=_environment(server.port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    thread = FuncThread(lambda *_: process.wait(), name="dynamodb-backend", on_stop=lambda _: process.terminate())
    thread.process = process  # LocalStack kills it by this when its port stays open
    thread.start()
    return thread


def _environment(port: int) -> dict[str, str]:
    """Ours without LocalStack's and AWS's settings, which MiniStack would take for its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTACK"))}
    return {
        **inherited,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "dynamodb,dynamodbstreams",
        "IOT_MTLS_ENABLED": "false",
    }
