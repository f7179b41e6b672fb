# SPDX-License-Identifier: BSD-2-Clause
"""The examples do what they say, in at most 25 lines."""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from typing import Any

from helping import Database

EXAMPLES = os.path.join(os.environ.get("top_srcdir", "."), "examples")


class Examples(Database):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.env = {**os.environ, **Database._settings, "PSYMATCH_TRANSPORT": "postgres",
                    "PSYMATCH_SPOOL_DIR": self.folder.name, "PSYMATCH_STRICT": "false"}

    def start(self, name: Any) -> Any:
        # Who runs the tests in the background has SIGINT ignored, and so would the program.
        started = subprocess.Popen([sys.executable, os.path.join(EXAMPLES, name)], env=self.env, text=True,
                                   stdout=subprocess.PIPE,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        assert started.stdout is not None
        self.addCleanup(started.stdout.close)
        return started

    def said(self, started: Any, *lines: Any) -> None:
        for line in lines:
            self.assertEqual(started.stdout.readline(), line + "\n")

    def ended(self, started: Any) -> None:
        if started.poll() is None:
            started.send_signal(signal.SIGINT)
        self.assertEqual(started.wait(60), 0)

    def test_the_program_of_the_readme_is_py_send(self) -> None:
        with open(os.path.join(EXAMPLES, "..", "README.md"), encoding="utf-8") as f:
            shown = f.read().split("```python\n")[1].split("```")[0]
        with open(os.path.join(EXAMPLES, "py_send.py"), encoding="utf-8") as f:
            self.assertEqual("import psymatch\n" + f.read().split("import psymatch\n")[1], shown)

    def test_send_and_handle(self) -> None:
        sender = self.start("py_send.py")
        self.said(sender, "accepted")
        self.assertEqual(sender.wait(60), 0)
        handler = self.start("py_handle.py")
        self.said(handler, "search 7 has another status")
        self.ended(handler)

    def test_outbox(self) -> None:
        app = self.start("py_outbox.py")
        self.said(app, "search 7 has another status")
        self.ended(app)
        self.assertIn((7,), self.store.execute("SELECT id FROM seen"))
        self.store.execute("DROP TABLE seen")

    def test_memory(self) -> None:
        program = self.start("py_memory.py")
        self.said(program, "handled [1, 2, 3]")
        self.assertEqual(program.wait(60), 0)

    def test_bench(self) -> None:
        bench = os.path.join(os.path.dirname(EXAMPLES), "bench", "python.py")
        said = subprocess.run([sys.executable, bench, "--memory", "--count", "500", "--rounds", "1"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        self.assertRegex(said, r"\Aproduced ours +\d+/s.*\nconsumed ours +\d+/s.*\n\Z")

    def test_length(self) -> None:
        found = glob.glob(os.path.join(EXAMPLES, "py_*.py"))
        self.assertEqual(len(found), 4)
        for path in found:
            with open(path, encoding="utf-8") as f:
                self.assertLessEqual(len(f.readlines()), 25, path)


if __name__ == "__main__":
    unittest.main()
