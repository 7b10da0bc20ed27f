"""Starts LocalStack without Docker, watches over it, and leaves no process behind.

    python localstack_launcher.py --port 4566 --state DIR --ministack-python VENV/bin/python

LocalStack's own settings for this way of running are made here, so that nobody has to remember them. An environment
variable that is set already wins. SIGTERM or SIGINT ends LocalStack, the functions and the DynamoDB child; LocalStack
does not always heed SIGTERM itself, so it is killed after a while. Runs in the foreground; the exit status is LocalStack's.
"""

import argparse
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

POLL_S = 0.2
PATIENCE_S = 3
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Runs LocalStack until it ends or a signal asks for its end."""
    arguments = parse_arguments()
    arguments.state.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    stop_asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_asked.set())
    process = subprocess.Popen([sys.executable, "-m", "localstack.runtime.main"], env=environment(arguments))
    while process.poll() is None:
        if stop_asked.wait(POLL_S):
            stop(process)
    kill_descendants()
    return process.returncode


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Start LocalStack for Marey, without Docker.")
    parser.add_argument("--port", type=int, default=4566, help="port of the gateway on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="folder for LocalStack's files")
    parser.add_argument(
        "--ministack-python", type=Path, required=True, help="Python in whose environment MiniStack is installed"
    )
    return parser.parse_args()


def environment(arguments: argparse.Namespace) -> dict[str, str]:
    """LocalStack's environment: ours over the settings that host mode needs."""
    state = str(arguments.state.resolve())
    dynamodb = [str(arguments.ministack_python.absolute()), str(Path(__file__).with_name("ministack_launcher.py"))]
    settings = {
        "GATEWAY_LISTEN": f"127.0.0.1:{arguments.port}",
        # Names under localhost.localstack.cloud need a resolver; paths under the gateway need none.
        "LOCALSTACK_HOST": f"localhost:{arguments.port}",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "FILESYSTEM_ROOT": state,
        "TMPDIR": state,
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_IGNORE_ARCHITECTURE": "1",
        # An idle queue is asked again after this long; the default of ten seconds makes every stage wait.
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "DYNAMODB_BACKEND_CMD": shlex.join(dynamodb),
    }
    inherited = {name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"}
    return {**settings, **inherited}


def adopt_orphans() -> None:
    """Makes this process the parent of whatever LocalStack leaves behind, so that it can be found and ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stop(process: subprocess.Popen) -> None:
    """Asks LocalStack to end; kills it when it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def kill_descendants() -> None:
    """Kills what is left below this process, level by level: orphans move up to us when their parent goes."""
    while children := child_ids():
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def child_ids() -> list[int]:
    """Process ids of our children, from the kernel's list for our only thread."""
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main())
