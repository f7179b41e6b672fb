# SPDX-License-Identifier: BSD-2-Clause
"""python -m psymatch --version"""
from __future__ import annotations

import sys

from . import __version__
from ._lib import lib


def main(arguments: list[str]) -> int | str:
    """The exit status, or a text for standard error."""
    if arguments != ["--version"]:
        return "usage: python -m psymatch --version"
    print("psymatch %s (libpsymatch %s, %s)" % (__version__, lib.psm_version().decode(), lib.path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
