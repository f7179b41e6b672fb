# SPDX-License-Identifier: BSD-2-Clause
"""Type hints: complete, and right as far as mypy tells."""
import ast
import os
import subprocess
import sys
import tempfile
import unittest

import psymatch
from psymatch import errors

PACKAGE = os.path.dirname(psymatch.__file__)
PROGRAM = """
import psymatch
reveal_type(psymatch.Event.parse("").payload)
reveal_type(psymatch.Producer().flush())
with psymatch.Store() as store:
    reveal_type(store)
try:
    psymatch.Event.new("a", 7, {})
except psymatch.SchemaError as e:
    reveal_type(e.pointer)
"""


class Types(unittest.TestCase):
    def test_checkers_know_every_exception(self):
        with open(errors.__file__, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        told = {n.name for block in tree.body if isinstance(block, ast.If) for n in block.body
                if isinstance(n, ast.ClassDef)}
        self.assertEqual(told, set(errors.BY_NAME))

    def test_mypy(self):
        if subprocess.run([sys.executable, "-m", "mypy", "--version"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no mypy")
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "program.py"), "w") as f:
                f.write(PROGRAM)
            for strict, path in (("--strict", PACKAGE), ("--no-error-summary", f.name)):
                said = subprocess.run([sys.executable, "-m", "mypy", strict, "--cache-dir", folder, path], check=False,
                                      env={**os.environ, "MYPYPATH": os.path.dirname(PACKAGE)}, cwd=folder,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
                if strict == "--strict":
                    self.assertIn("Success", said)
        types = [line.split("Revealed type is ")[1] for line in said.splitlines() if "Revealed" in line]
        self.assertEqual([t.strip('"').replace("builtins.", "") for t in types],
                         ["dict[str, Any]", "int", "psymatch.store.Store", "str"])
        self.assertEqual(["arg-type" in line for line in said.splitlines() if " error: " in line], [True])


if __name__ == "__main__":
    unittest.main()
