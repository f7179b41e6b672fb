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
from helping import SANITIZED

TOP = os.environ.get("top_srcdir", ".")
LIBRARY = psymatch.lib.path
VERSION = "import psymatch; print(psymatch.__version__)"


def python(*args: str, executable: str = sys.executable, **env: str) -> Any:
    """(exit status, standard output, standard error) of Python without the
    variables of this test's own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PSYMATCH_LIBRARY", "PKG_CONFIG_PATH", "LD_LIBRARY_PATH")}
    done = subprocess.run([executable, *args], env={**kept, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


# What builds a wheel without asking a registry for anything.
BUILDS = ("import setuptools as s, pip; v = [int(n) for n in s.__version__.split('.')[:2]]\n"
          "assert v >= [61, 0], 'setuptools is older than 61'\nif v < [70, 1]: import wheel\n"
          "assert int(pip.__version__.split('.')[0]) >= 23, 'pip is older than 23'")


@unittest.skipIf(SANITIZED, "the run without sanitizers does it")
class Wheel(unittest.TestCase):
    def setUp(self) -> None:
        for self.python in (sys.executable, "/usr/bin/python3"):
            rc, _, err = python("-c", BUILDS, executable=self.python)
            if rc == 0:
                break
        else:
            self.skipTest(err.splitlines()[-1])
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.source = os.path.join(self.folder, "source")
        shutil.copytree(os.path.join(TOP, "bindings/python"), self.source, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([self.python, "-m", "venv", "--without-pip", os.path.join(self.folder, "venv")], check=True)
        self.venv = os.path.join(self.folder, "venv", "bin", "python")

    def pip(self, *args: str) -> None:
        rc, out, err = python("-m", "pip", "--python", self.venv, "--disable-pip-version-check", *args, "--no-deps",
                              "--no-index", executable=self.python)
        self.assertEqual(rc, 0, out + err)

    def check(self) -> None:
        """What was put into the virtual environment works there, and is all of it."""
        rc, out, err = python("-m", "psymatch", "--version", executable=self.venv, PSYMATCH_LIBRARY=LIBRARY, PYTHONPATH="")
        self.assertEqual((rc, out.split(" (")[0], err), (0, "psymatch %s" % psymatch.__version__, ""))
        code = "import importlib.metadata as m, psymatch; print(psymatch.__file__, m.version('psymatch'))"
        rc, out, err = python("-c", code, executable=self.venv, PSYMATCH_LIBRARY=LIBRARY, PYTHONPATH="")
        path, version = out.split()
        self.assertEqual((rc, version), (0, psymatch.__version__), err)
        self.assertTrue(path.startswith(os.path.dirname(os.path.dirname(self.venv))), path)
        installed = os.path.dirname(path)
        sources = set(os.listdir(os.path.join(self.source, "psymatch")))
        self.assertLessEqual(sources | {"py.typed", "payloads.pyi", "records.pyi"}, set(os.listdir(installed)))
        self.assertEqual(len(glob.glob(os.path.join(installed, "..", "psymatch-*.dist-info", "METADATA"))), 1)

    def test_pip_install_of_the_source(self) -> None:
        # Not --no-build-isolation: with --python that is the virtual environment, which has no setuptools.
        target = os.path.join(self.folder, "target")
        rc, out, err = python("-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index",
                              "--no-compile", "--disable-pip-version-check", "--target", target, self.source,
                              executable=self.python)
        self.assertEqual(rc, 0, out + err)
        lib = glob.glob(os.path.join(self.folder, "venv", "lib", "python*", "site-packages"))[0]
        for name in os.listdir(target):
            shutil.move(os.path.join(target, name), lib)
        self.check()

    def test_a_wheel(self) -> None:
        rc, out, err = python("-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--no-index",
                              "--disable-pip-version-check", "-w", self.folder, self.source, executable=self.python)
        self.assertEqual(rc, 0, out + err)
        wheel, = glob.glob(os.path.join(self.folder, "*.whl"))
        self.assertEqual(os.path.basename(wheel), "psymatch-%s-py3-none-any.whl" % psymatch.__version__)
        self.pip("install", "-q", wheel)
        self.check()


if __name__ == "__main__":
    unittest.main()
