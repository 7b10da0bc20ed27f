"""Lambda's Runtime API for one process: the side that hands out invocations.

A `bootstrap` asks `GET …/runtime/invocation/next`, which blocks until there is work, and posts what came of it. The
server here knows nothing of LocalStack. It serves one process, and Lambda gives a process one invocation at a time.
"""

import queue
import re
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RESULT_PATH = re.compile(r"/runtime/invocation/(?P<request_id>[^/]+)/(?P<kind>response|error)$")


@dataclass(frozen=True)
class Invocation:
    """One event for the function, with what Lambda says about it in headers."""

    request_id: str
    function_arn: str
    deadline_ms: int
    """Unix time in milliseconds at which the function is stopped."""
    payload: bytes
    trace_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What the process posted for an invocation."""

    request_id: str
    payload: bytes
    is_error: bool


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Passes over connections whose process has gone: that is how functions end. The rest is reported."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RuntimeApi:
    """An HTTP server on a free loopback port, from construction until `close`."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        """Set once the process has asked for its first invocation, or has reported that it can't start."""
        self.init_error: bytes | None = None
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self._invocations: queue.Queue[Invocation | None] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def address(self) -> str:
        """`host:port`, as `AWS_LAMBDA_RUNTIME_API` wants it."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Hands the invocation to the process at its next request."""
        self._invocations.put(invocation)

    def close(self) -> None:
        """Answers a waiting request with 410, so that the process ends, and stops the server."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer is written in two parts; with Nagle's algorithm the second waits 40 ms for an acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:  # noqa: N802, the name that the base class calls
                if not self.path.endswith("/runtime/invocation/next"):
                    return self._answer(404)
                api.ready.set()
                invocation = api._invocations.get()
                if invocation is None:
                    return self._answer(410)
                headers = {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                }
                if invocation.trace_id:
                    headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
                return self._answer(200, invocation.payload, headers)

            def do_POST(self) -> None:  # noqa: N802, the name that the base class calls
                body = self._body()
                if self.path.endswith("/runtime/init/error"):
                    api.init_error = body
                    api.ready.set()
                elif result := _RESULT_PATH.search(self.path):
                    api.outcomes.put(Outcome(result["request_id"], body, result["kind"] == "error"))
                else:
                    return self._answer(404)
                return self._answer(202)

            def log_message(self, *_: object) -> None:
                """Keeps the server silent; the process's own output is what people want to see."""

            def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> bytes:
                """The whole body. Runtimes that stream a response send it in chunks."""
                if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass  # trailers, up to the empty line
                return b"".join(chunks)

        return Handler
