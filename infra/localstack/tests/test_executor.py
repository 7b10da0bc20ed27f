"""The executor against a small Python function: answers, errors, crashes, timeouts. Needs LocalStack installed."""

import importlib.util
import json
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

FUNCTION = f"""#!{sys.executable}
import json, os, time, urllib.request
base = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime"
print("started", flush=True)
while True:
    with urllib.request.urlopen(base + "/invocation/next") as answer:
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(answer)
    print("event", event["do"], flush=True)
    if event["do"] == "crash":
        os._exit(7)
    if event["do"] == "hang":
        time.sleep(600)
    kind = "error" if event["do"] == "fail" else "response"
    body = json.dumps({{"pid": os.getpid(), "table": os.environ["TABLE"]}}).encode()
    urllib.request.urlopen(base + f"/invocation/{{request_id}}/{{kind}}", data=body).close()
"""


@unittest.skipUnless(importlib.util.find_spec("localstack"), "LocalStack is not installed here")
class ProcessRuntimeExecutorTest(unittest.TestCase):
    def setUp(self) -> None:
        from marey_localstack.executor import ProcessRuntimeExecutor

        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bootstrap = Path(folder.name) / "bootstrap"
        self.write(FUNCTION)
        version = SimpleNamespace(
            config=SimpleNamespace(code=SimpleNamespace(get_unzipped_code_location=lambda: folder.name), timeout=1),
            id=SimpleNamespace(qualifier="$LATEST"),
        )
        self.executor = ProcessRuntimeExecutor("environment", version)
        self.addCleanup(self.executor.stop)

    def write(self, script: str) -> None:
        self.bootstrap.write_text(script)
        self.bootstrap.chmod(0o755)

    def invoke(self, action: str, request_id: str = "request-1"):
        return self.executor.invoke(
            {"invoke-id": request_id, "invoked-function-arn": "arn", "payload": json.dumps({"do": action})}
        )

    def test_one_process_answers_one_invocation_after_another(self) -> None:
        self.executor.start({"TABLE": "jobs"})
        first, second = self.invoke("answer"), self.invoke("answer", "request-2")
        self.assertFalse(first.is_error)
        self.assertEqual(json.loads(first.payload)["table"], "jobs")
        self.assertEqual(json.loads(first.payload)["pid"], json.loads(second.payload)["pid"])
        self.assertEqual(second.request_id, "request-2")
        self.assertIn("started", first.logs)
        self.assertIn("event answer", first.logs)
        self.assertNotIn("started", second.logs)

    def test_an_error_of_the_function_is_an_error(self) -> None:
        self.executor.start({"TABLE": "jobs"})
        self.assertTrue(self.invoke("fail").is_error)

    def test_a_crash_is_reported_and_the_next_invocation_gets_a_new_process(self) -> None:
        self.executor.start({"TABLE": "jobs"})
        crash = self.invoke("crash")
        self.assertTrue(crash.is_error)
        self.assertEqual(json.loads(crash.payload)["errorType"], "Runtime.ExitError")
        self.assertIn("exit status 7", json.loads(crash.payload)["errorMessage"])
        self.assertFalse(self.invoke("answer", "request-2").is_error)

    def test_a_timeout_ends_the_process(self) -> None:
        self.executor.start({"TABLE": "jobs"})
        timeout = self.invoke("hang")
        self.assertEqual(json.loads(timeout.payload)["errorType"], "Sandbox.Timedout")
        self.assertFalse(self.invoke("answer", "request-2").is_error)

    def test_a_function_that_ends_while_starting_says_why(self) -> None:
        self.write("#!/bin/sh\necho MAREY_JOBS_TABLE is not set\nexit 1\n")
        with self.assertRaisesRegex(RuntimeError, "MAREY_JOBS_TABLE is not set"):
            self.executor.start({})


if __name__ == "__main__":
    unittest.main()
