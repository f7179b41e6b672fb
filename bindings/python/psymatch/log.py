# SPDX-License-Identifier: BSD-2-Clause
"""Where the library's messages go."""
from ._lib import lib

DEBUG, INFO, WARN, ERROR = range(4)


def log_to_stderr(level=WARN):
    """Messages from this level on become lines of standard error; higher than ERROR: none."""
    lib.psm_log_to_stderr(level)
