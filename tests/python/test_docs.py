# SPDX-License-Identifier: BSD-2-Clause
"""help(psymatch) is enough to work with: every public name says what it is, and
the examples do what they show."""
import doctest
import inspect
import pkgutil
import unittest
from typing import Any

import psymatch
from psymatch import errors
from psymatch._handle import Handle


def named() -> Any:
    """(name, object) of the package, and of its modules that are part of it."""
    for name in psymatch.__all__ + sorted(errors.BY_NAME):
        value = getattr(psymatch, name)
        yield name, value
        if inspect.ismodule(value):
            for member, found in vars(value).items():
                if not member.startswith("_") and getattr(found, "__module__", None) == value.__name__:
                    yield "%s.%s" % (name, member), found


def public() -> Any:
    """(name, object) of what help() shows."""
    for name, value in named():
        if callable(value) or inspect.ismodule(value):
            yield name, value
        if inspect.isclass(value):
            for cls in value.__mro__:
                if not cls.__module__.startswith("psymatch"):
                    continue
                for member, found in vars(cls).items():
                    if not member.startswith("_") and (callable(found) or inspect.isdatadescriptor(found)
                                                       or isinstance(found, (classmethod, staticmethod))):
                        yield "%s.%s" % (name, member), getattr(value, member)


class Docs(unittest.TestCase):
    def test_every_public_name_says_what_it_is(self) -> None:
        names = dict(public())
        self.assertLessEqual({"Transaction.create", "mails.delete", "jobs.Jobs.start"}, set(names))
        self.assertEqual([name for name, value in names.items() if not inspect.getdoc(value)], [])
        self.assertEqual([name for name, value in names.items()
                          if inspect.isclass(value) and inspect.getdoc(value) == inspect.getdoc(Handle)], [])


def load_tests(loader: Any, tests: Any, _pattern: Any) -> Any:
    for module in pkgutil.iter_modules(psymatch.__path__, "psymatch."):
        if module.name != "psymatch.rows":  # test_store has its database
            tests.addTests(doctest.DocTestSuite(module.name, extraglobs={"psymatch": psymatch}, test_finder=FINDER))
    return tests


FINDER = doctest.DocTestFinder(exclude_empty=True)

if __name__ == "__main__":
    unittest.main()
