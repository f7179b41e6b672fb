# SPDX-License-Identifier: BSD-2-Clause
import subprocess
import sys
import unittest
from typing import Any

PROGRAM = """
import sys, psymatch
psymatch.log_to_stderr(int(sys.argv[1]))
psymatch._lib.lib.psm_log(2, b"spool full", None)
"""


def said(level: Any) -> Any:
    """What a program that logs a warning says."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(level)], stderr=subprocess.PIPE, text=True, check=True)
    return run.stderr


class Log(unittest.TestCase):
    def test_warnings_go_to_standard_error(self) -> None:
        self.assertRegex(said(2), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z WARNING spool full\n$")

    def test_what_is_below_the_level_does_not(self) -> None:
        self.assertEqual(said(3), "")
