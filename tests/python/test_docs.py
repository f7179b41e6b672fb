# SPDX-License-Identifier: BSD-2-Clause
"""help(psymatch) is enough to work with: every public name says what it is, and
the examples do what they show."""
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import tempfile
import unittest
from typing import Any, ClassVar

import psymatch
from helping import OwnDatabase
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
    maxDiff = None

    def test_every_public_name_says_what_it_is(self) -> None:
        names = dict(public())
        self.assertLessEqual({"Transaction.create", "mails.delete", "jobs.Jobs.start"}, set(names))
        self.assertEqual([name for name, value in names.items() if not inspect.getdoc(value)], [])
        self.assertEqual([name for name, value in names.items()
                          if inspect.isclass(value) and inspect.getdoc(value) == inspect.getdoc(Handle)], [])

    def test_every_public_name_has_an_example(self) -> None:
        """Its own, or that of its class or module, which help() shows."""
        missing = []
        for name, value in public():
            parts = name.split(".")
            if (name.endswith("Error") or name in INNER or parts[-1] in ("close", "http_status")
                    or parts[0] in ("payloads", "records") or inspect.ismodule(value)):
                continue  # close() is that of all handles; classes that tables make are of one kind
            homes = [parts[0]] + [".".join(parts[:n]) for n in range(2, len(parts) + 1)]
            told = [inspect.getdoc(of(home)) or "" for home in homes]
            told.append(inspect.getdoc(inspect.getmodule(value)) or "")
            if not any(re.search(r"\b%s\b" % parts[-1], example.source) for text in told
                       for example in doctest.DocTestParser().get_examples(text)):
                missing.append(name)
        self.assertEqual(missing, [])


def of(name: str) -> Any:
    value: Any = psymatch
    for part in name.split("."):
        value = getattr(value, part)
    return value


# What a reader of help() need not call.
INNER = {"errors.check", "errors.check_code", "errors.make", "errors.raise_error", "mails.rendering"}
SETS = ("patient", "therapist", "matching", "communication", "geocoding")


class Examples(OwnDatabase):
    """Those of all docstrings, with a store and the settings of its database."""

    before: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name in SETS:
            cls.store.migrate(name)
        cls.before = dict(os.environ)
        cls.folder = tempfile.TemporaryDirectory()
        os.environ.update(cls.settings, PSYMATCH_TRANSPORT="memory", PSYMATCH_SPOOL_DIR=cls.folder.name)

    folder: ClassVar[Any]

    @classmethod
    def tearDownClass(cls) -> None:
        os.environ.clear()
        os.environ.update(cls.before)
        super().tearDownClass()
        cls.folder.cleanup()

    def test_all(self) -> None:
        count = 0
        names = ["psymatch"] + [found.name for found in pkgutil.iter_modules(psymatch.__path__, "psymatch.")]
        for name in names:
            if name in ("psymatch.rows", "psymatch.__main__"):  # test_store has the rows of the former
                continue
            module = importlib.import_module(name)
            self.store.execute("DELETE FROM communication_service.emails")
            with self.subTest(module=name):
                failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS, extraglobs={
                    name.split(".")[-1]: module, "psymatch": psymatch, "store": self.store})
                count += tried
                self.assertEqual(failed, 0)
        self.assertGreater(count, 200)


if __name__ == "__main__":
    unittest.main()
