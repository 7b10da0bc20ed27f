"""LocalStack's Lambda executor that runs `bootstrap` as a process instead of in a container.

It serves `provided.*` runtimes only, since it has no other, and keeps Lambda's manners: one invocation at a time for each
process, a warm process for the next one, a fresh process after a crash or a timeout. Memory limits, the read-only
file system and layers are not imitated; where the tools are is a parameter of the stack (`ToolsRoot`).
"""

import json
import os
import queue
import time
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .bootstrap import Bootstrap
from .runtime_api import Invocation, Outcome, RuntimeApi

_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "NO_PROXY", "no_proxy")
_POLL_S = 0.05
_TERMINATION_S = 2.0
# Output and answer reach us through different pipes: the last log line may arrive just after the answer.
_LOG_GRACE_S = 0.002


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment: a Runtime API and the process that asks it for work."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._environment: dict[str, str] = {}
        self._api: RuntimeApi | None = None
        self._bootstrap: Bootstrap | None = None

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the process and waits until it asks for work.

        Raises `RuntimeError` with the process's output when it ends, reports an error or stays silent instead.
        """
        self._environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._environment.update({name: str(value) for name, value in env_vars.items()})
        self._spawn()

    def stop(self) -> None:
        """Ends the process and what it started. Also called for an environment that never came up."""
        if self._bootstrap:
            self._bootstrap.terminate(_TERMINATION_S)
        if self._api:
            self._api.close()
            self._api = None

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Runs one invocation to its answer, its end or its timeout."""
        if self._bootstrap is None or self._bootstrap.exit_status is not None:
            self._spawn()
        assert self._api is not None and self._bootstrap is not None
        # What was printed while starting, or after the last answer, belongs before this invocation's start.
        earlier = self._bootstrap.take_output()
        timeout_s = int(self.function_version.config.timeout)
        deadline_s = time.time() + timeout_s
        event = payload["payload"]
        self._api.submit(
            Invocation(
                request_id=payload["invoke-id"],
                function_arn=payload["invoked-function-arn"],
                deadline_ms=int(deadline_s * 1000),
                payload=event if isinstance(event, bytes) else event.encode(),
                trace_id=payload.get("trace-id"),
            )
        )
        outcome = self._await_outcome(payload["invoke-id"], deadline_s, timeout_s)
        return self._result(outcome, earlier)

    def get_logs(self) -> str:
        """What the process has printed and no invocation has claimed."""
        return self._bootstrap.peek_output() if self._bootstrap else ""

    def get_address(self) -> str:
        """The process shares LocalStack's own network."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """LocalStack's host as the process sees it; LocalStack makes `AWS_ENDPOINT_URL` of it."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Address for LocalStack's own agent inside a container, which this executor does without."""
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the code once for each version."""
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leaves nothing to do: LocalStack deletes the unpacked code itself."""

    def _spawn(self) -> None:
        # A fresh Runtime API for each process: a late answer of a dead one can't be taken for the new one's.
        if self._api:
            self._api.close()
        self._api = RuntimeApi()
        code = Path(self.function_version.config.code.get_unzipped_code_location())
        environment = {
            **self._environment,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(code),
        }
        self._bootstrap = Bootstrap(code, environment)
        give_up = time.monotonic() + config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT
        while not self._api.ready.wait(_POLL_S):
            if self._bootstrap.exit_status is not None:
                self._bootstrap.kill()
                raise RuntimeError(f"bootstrap ended while starting: {self._bootstrap.take_output()}")
            if time.monotonic() > give_up:
                self._bootstrap.kill()
                raise RuntimeError(f"bootstrap asked for no work in time: {self._bootstrap.take_output()}")
        if self._api.init_error is not None:
            raise RuntimeError(f"bootstrap can't start: {self._api.init_error.decode(errors='replace')}")

    def _await_outcome(self, request_id: str, deadline_s: float, timeout_s: int) -> Outcome:
        assert self._api is not None and self._bootstrap is not None
        while True:
            # Read before waiting: an answer that was posted just before the end still counts.
            exit_status = self._bootstrap.exit_status
            try:
                outcome = self._api.outcomes.get(timeout=_POLL_S)
                if outcome.request_id == request_id:
                    return outcome
            except queue.Empty:
                if exit_status is not None:
                    self._bootstrap.kill()
                    message = f"RequestId: {request_id} Error: Runtime exited with error: exit status {exit_status}"
                    return _failure(request_id, "Runtime.ExitError", message)
                if time.time() > deadline_s:
                    self._bootstrap.kill()
                    message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
                    return _failure(request_id, "Sandbox.Timedout", message)

    def _result(self, outcome: Outcome, earlier: str) -> InvocationResult:
        assert self._bootstrap is not None
        time.sleep(_LOG_GRACE_S)
        start = f"START RequestId: {outcome.request_id} Version: {self.function_version.id.qualifier}\n"
        logs = earlier + start + self._bootstrap.take_output() + f"END RequestId: {outcome.request_id}\n"
        return InvocationResult(outcome.request_id, outcome.payload, is_error=outcome.is_error, logs=logs)


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """What LocalStack finds under `LAMBDA_RUNTIME_EXECUTOR=process`."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> type[RuntimeExecutor]:
        """Returns the executor's class, as the plugin's contract asks."""
        return ProcessRuntimeExecutor


def _failure(request_id: str, error_type: str, message: str) -> Outcome:
    body = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return Outcome(request_id, body, is_error=True)
