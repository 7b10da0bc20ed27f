"""The Runtime API as a bootstrap sees it, over real HTTP and without LocalStack."""

import http.client
import queue
import threading
import unittest

from marey_localstack.runtime_api import Invocation, RuntimeApi

NEXT = "/2018-06-01/runtime/invocation/next"


def request(api: RuntimeApi, method: str, path: str, body: object = None, **options: bool) -> tuple[int, dict, bytes]:
    """One request on a connection of its own: status, headers, body."""
    connection = http.client.HTTPConnection(api.address, timeout=5)
    connection.request(method, path, body=body, **options)
    response = connection.getresponse()
    answer = response.status, dict(response.headers), response.read()
    connection.close()
    return answer


class RuntimeApiTest(unittest.TestCase):
    def setUp(self) -> None:
        self.api = RuntimeApi()
        self.addCleanup(self.api.close)

    def test_hands_out_an_invocation_with_its_headers(self) -> None:
        self.api.submit(Invocation("request-1", "arn:function", 1234, b'{"a":1}', "Root=1"))
        status, headers, body = request(self.api, "GET", NEXT)
        self.assertEqual((status, body), (200, b'{"a":1}'))
        self.assertEqual(headers["Lambda-Runtime-Aws-Request-Id"], "request-1")
        self.assertEqual(headers["Lambda-Runtime-Deadline-Ms"], "1234")
        self.assertEqual(headers["Lambda-Runtime-Invoked-Function-Arn"], "arn:function")
        self.assertEqual(headers["Lambda-Runtime-Trace-Id"], "Root=1")

    def test_is_ready_once_asked_for_work(self) -> None:
        self.assertFalse(self.api.ready.is_set())
        self.api.submit(Invocation("request-1", "arn", 0, b""))
        request(self.api, "GET", NEXT)
        self.assertTrue(self.api.ready.is_set())

    def test_takes_answers_and_errors(self) -> None:
        for kind, is_error in (("response", False), ("error", True)):
            status, _, _ = request(self.api, "POST", f"/2018-06-01/runtime/invocation/request-1/{kind}", b"body")
            outcome = self.api.outcomes.get(timeout=5)
            self.assertEqual(status, 202)
            self.assertEqual((outcome.request_id, outcome.payload, outcome.is_error), ("request-1", b"body", is_error))

    def test_joins_a_chunked_answer(self) -> None:
        path = "/2018-06-01/runtime/invocation/request-1/response"
        request(self.api, "POST", path, iter([b"first ", b"second"]), encode_chunked=True)
        self.assertEqual(self.api.outcomes.get(timeout=5).payload, b"first second")

    def test_reports_a_failed_start(self) -> None:
        request(self.api, "POST", "/2018-06-01/runtime/init/error", b"no settings")
        self.assertTrue(self.api.ready.is_set())
        self.assertEqual(self.api.init_error, b"no settings")

    def test_refuses_paths_that_are_not_of_the_api(self) -> None:
        self.assertEqual(request(self.api, "GET", "/")[0], 404)
        self.assertEqual(request(self.api, "POST", "/2018-06-01/runtime/other", b"")[0], 404)
        with self.assertRaises(queue.Empty):
            self.api.outcomes.get_nowait()

    def test_sends_a_waiting_process_away_when_closed(self) -> None:
        statuses: queue.Queue[int] = queue.Queue()
        waiting = threading.Thread(target=lambda: statuses.put(request(self.api, "GET", NEXT)[0]))
        waiting.start()
        self.api.ready.wait(5)
        self.api.close()
        self.assertEqual(statuses.get(timeout=5), 410)
        waiting.join()


if __name__ == "__main__":
    unittest.main()
