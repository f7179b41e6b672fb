# SPDX-License-Identifier: BSD-2-Clause
"""pip install, and how the library is found."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any

import psymatch

TOP = os.environ.get("top_srcdir", ".")
LIBRARY = psymatch.lib.path
VERSION = "import psymatch; print(psymatch.__version__)"


def python(*args: Any, **env: Any) -> Any:
    """(exit status, standard output, standard error) of Python without the
    variables of this test's own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PSYMATCH_LIBRARY", "PKG_CONFIG_PATH", "LD_LIBRARY_PATH")}
    done = subprocess.run([sys.executable, *args], env={**kept, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@unittest.skipUnless(os.path.isabs(LIBRARY) or os.path.exists(LIBRARY), "the library is the system's")
class Library(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.symlink(os.path.abspath(LIBRARY), os.path.join(self.folder.name, "libpsymatch.so.0"))

    def test_by_variable(self) -> None:
        rc, out, err = python("-m", "psymatch", "--version", PSYMATCH_LIBRARY=LIBRARY)
        self.assertEqual((rc, out, err), (0, "psymatch %s (libpsymatch %s, %s)\n" % (
            psymatch.__version__, psymatch.lib.psm_version().decode(), LIBRARY), ""))

    @unittest.skipUnless(shutil.which("pkg-config"), "no pkg-config")
    def test_by_pkg_config(self) -> None:
        with open(os.path.join(self.folder.name, "psymatch.pc"), "w") as f:
            f.write("libdir=%s\nName: psymatch\nDescription: x\nVersion: 1\n" % self.folder.name)
        self.assertEqual(python("-c", VERSION, PKG_CONFIG_PATH=self.folder.name), (0, psymatch.__version__ + "\n", ""))

    def test_by_the_linker(self) -> None:
        self.assertEqual(python("-c", VERSION, LD_LIBRARY_PATH=self.folder.name), (0, psymatch.__version__ + "\n", ""))

    def test_what_does_not_fit_is_an_import_error(self) -> None:
        for code, wanted in (
                ("import sys, types; m = types.ModuleType('v'); m.VERSION = '9.9.1'\n"
                 "sys.modules['psymatch._version'] = m; import psymatch",
                 "ImportError: psymatch 9.9.1: .* is libpsymatch %s, which does not fit" % psymatch.__version__),
                ("import os; os.environ['PSYMATCH_LIBRARY'] = '/nowhere.so'; import psymatch",
                 "ImportError: PSYMATCH_LIBRARY: /nowhere.so: ")):
            rc, _, err = python("-c", code, PSYMATCH_LIBRARY=LIBRARY)
            self.assertEqual(rc, 1)
            self.assertRegex(err.splitlines()[-1], wanted)

    def test_the_version_is_that_of_configure(self) -> None:
        with open(os.path.join(TOP, "configure.ac"), encoding="utf-8") as f:
            self.assertEqual(re.findall(r"AC_INIT\(\[psymatch\], \[([^]]*)\]", f.read()), [psymatch.__version__])


class Wheel(unittest.TestCase):
    def test_pip_install(self) -> None:
        rc, _, err = python("-c", "import setuptools as s, pip; v = [int(n) for n in s.__version__.split('.')[:2]]\n"
                            "assert v >= [61, 0], 'setuptools is older than 61'\nif v < [70, 1]: import wheel")
        if rc != 0:
            self.skipTest(err.splitlines()[-1])
        with tempfile.TemporaryDirectory() as folder:
            source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
            shutil.copytree(os.path.join(TOP, "bindings/python"), source, ignore=shutil.ignore_patterns("__pycache__"))
            rc, out, err = python("-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index",
                                  "--no-compile", "--disable-pip-version-check", "--target", target, source)
            self.assertEqual(rc, 0, out + err)
            names = {os.path.relpath(path, target) for path in glob.glob(os.path.join(target, "psymatch*", "*"))}
            sources = os.listdir(os.path.join(source, "psymatch"))
            self.assertLessEqual({"psymatch/" + name for name in sources}, names)
            self.assertIn("psymatch/py.typed", names)
            self.assertIn("psymatch-%s.dist-info/METADATA" % psymatch.__version__, names)
            rc, out, err = python("-c", "import psymatch; print(psymatch.__file__)", PYTHONPATH=target,
                                  PSYMATCH_LIBRARY=LIBRARY)
            self.assertEqual((rc, out), (0, os.path.join(target, "psymatch/__init__.py") + "\n"), err)


if __name__ == "__main__":
    unittest.main()
