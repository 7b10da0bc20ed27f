"""One `bootstrap` process: started, watched, stopped with everything that it started itself."""

import os
import signal
import subprocess
import threading
from collections import deque
from pathlib import Path

_KEPT_LINES = 10_000


class Bootstrap:
    """A running function. Its output is collected line by line, standard error with standard output."""

    def __init__(self, code: Path, environment: dict[str, str]) -> None:
        """Starts `bootstrap` in the folder `code` with just this environment, in a process group of its own."""
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [code / "bootstrap"],
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    @property
    def exit_status(self) -> int | None:
        """The exit status, or `None` while the process runs."""
        return self._process.poll()

    def take_output(self) -> str:
        """The lines since the last call."""
        with self._lock:
            text = "".join(self._lines)
            self._lines.clear()
        return text

    def peek_output(self) -> str:
        """The lines since the last `take_output`, which stay there."""
        with self._lock:
            return "".join(self._lines)

    def terminate(self, patience_s: float) -> None:
        """Asks the process to end, and ends its whole group when it has not within `patience_s`."""
        if self.exit_status is None:
            self._process.terminate()
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """Ends the process and its children at once, the way Lambda stops a function that timed out."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._reader.join(1)

    def _collect(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                with self._lock:
                    self._lines.append(line.decode(errors="replace"))
