# SPDX-License-Identifier: BSD-2-Clause
"""pytest finds package and library by itself: pytest tests/python, in the source
tree or in the directory where it was built; or what is installed."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

os.environ.setdefault("top_srcdir", TOP)
for _builddir in (os.environ.get("top_builddir", "."), os.getcwd(), TOP):
    _library = os.path.join(os.path.abspath(_builddir), ".libs", "libpsymatch.so")
    if "PSYMATCH_LIBRARY" not in os.environ and os.path.exists(_library):
        os.environ["PSYMATCH_LIBRARY"] = _library
if "PSYMATCH_LIBRARY" in os.environ:
    _package = os.path.join(TOP, "bindings", "python")
    sys.path.insert(0, _package)
    # For the programs that tests start.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_package, os.environ.get("PYTHONPATH"))))
