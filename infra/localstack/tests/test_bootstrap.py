"""Starting, reading and ending a process, with shell scripts as functions."""

import os
import tempfile
import time
import unittest
from pathlib import Path

from marey_localstack.bootstrap import Bootstrap


def wait_until(claim, patience_s: float = 5) -> bool:
    """Whether the claim became true in time."""
    end = time.monotonic() + patience_s
    while not claim():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def is_alive(process_id: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class BootstrapTest(unittest.TestCase):
    def start(self, script: str) -> Bootstrap:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "bootstrap"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        bootstrap = Bootstrap(Path(folder.name), {"PATH": os.environ["PATH"], "NAME": "value"})
        self.addCleanup(bootstrap.kill)
        return bootstrap

    def test_gives_the_process_its_environment_and_collects_both_outputs(self) -> None:
        bootstrap = self.start('echo "name=$NAME home=$HOME"; echo trouble >&2; exit 3')
        self.assertTrue(wait_until(lambda: bootstrap.exit_status == 3))
        self.assertTrue(wait_until(lambda: "trouble" in bootstrap.peek_output()))
        self.assertEqual(bootstrap.take_output(), "name=value home=\ntrouble\n")
        self.assertEqual(bootstrap.take_output(), "")

    def test_a_kill_takes_the_children_along(self) -> None:
        bootstrap = self.start("sleep 600 & echo $!; wait")
        self.assertTrue(wait_until(lambda: "\n" in bootstrap.peek_output()))
        child = int(bootstrap.take_output())
        self.assertTrue(is_alive(child))
        bootstrap.kill()
        self.assertIsNotNone(bootstrap.exit_status)
        self.assertTrue(wait_until(lambda: not is_alive(child)))

    def test_a_process_that_will_not_go_is_killed(self) -> None:
        bootstrap = self.start("trap '' TERM; echo armed; while :; do sleep 1; done")
        self.assertTrue(wait_until(lambda: "armed" in bootstrap.peek_output()))
        bootstrap.terminate(patience_s=0.2)
        self.assertEqual(bootstrap.exit_status, -9)

    def test_ending_twice_is_harmless(self) -> None:
        bootstrap = self.start("exit 0")
        self.assertTrue(wait_until(lambda: bootstrap.exit_status == 0))
        bootstrap.terminate(patience_s=5)
        bootstrap.terminate(patience_s=5)
        self.assertEqual(bootstrap.exit_status, 0)


if __name__ == "__main__":
    unittest.main()
