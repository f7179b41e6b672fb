# SPDX-License-Identifier: BSD-2-Clause
"""Type hints: complete, and right as far as mypy tells; types of payloads and
rows are those of the library's tables."""
import ast
import dataclasses
import datetime
import glob
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any

import psymatch
from helping import SANITIZED, Database, event
from psymatch import errors, inquiries, patients, payloads, records, searches, therapists
from test_docs import public

TOP = os.environ.get("top_srcdir", ".")
PACKAGE = os.path.dirname(psymatch.__file__)
PROGRAM = """
import psymatch
from psymatch import payloads, records

reveal_type(psymatch.Event.parse("").payload)
reveal_type(psymatch.Producer().flush())
with psymatch.Store() as store:
    reveal_type(store)
try:
    psymatch.Event.new("a", 7, {})
except psymatch.SchemaError as e:
    reveal_type(e.pointer)
app = psymatch.App("a")
@app.on("patient.created")
def handle(event: psymatch.Event, tx: psymatch.Transaction) -> None:
    reveal_type(event.payload_as(payloads.PatientCreated)["patient_data"]["id"])
    reveal_type(tx.get(records.Patient, 7)[0].geburtsdatum)
    status: int = tx.list(records.Search)["data"][0].status
    tx.get(records.Patient, 7)[0].plz = "10115"
@app.on("patient.created")
def wrong(event: psymatch.Event) -> None: ...
sent: payloads.EmailSend = {"email_id": "7"}
reveal_type(psymatch.patients.Status.OFFEN)
"""
REVEALED = ["dict[str, Any]", "int", "psymatch.store.Store", "str", "int", "datetime.date | None",
            "Literal[psymatch.patients.Status.OFFEN]?"]
ERRORS = ["arg-type", "assignment", "misc", "arg-type", "typeddict-item"]

# What may be anything: values and filters as keywords, rows of any statement.
ANYTHING = {"Event", "Store.execute", "Transaction.execute", "bundle.Bundle", "errors.check", "errors.make",
            "errors.raise_error", "Transaction.list", "Transaction.get", "Transaction.create", "Transaction.update",
            "Transaction.act"}  # the last five have overloads
QUERIES = {"query", "more", "details", "filters"}


def mypy() -> Any:
    """The command, or None."""
    for command in ([sys.executable, "-m", "mypy"], [shutil.which("mypy") or "/usr/bin/mypy"]):
        try:
            if subprocess.run([*command, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0:
                return command
        except OSError:
            pass
    return None


@unittest.skipIf(SANITIZED, "the run without sanitizers does it")
class Checked(unittest.TestCase):
    def setUp(self) -> None:
        self.mypy = mypy()
        if self.mypy is None:
            self.skipTest("no mypy")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def said(self, *args: str) -> str:
        return subprocess.run([*self.mypy, "--cache-dir", os.path.join(self.folder, "cache"), *args], check=False,
                              env={**os.environ, "MYPYPATH": os.path.dirname(PACKAGE)}, cwd=self.folder,
                              stdout=subprocess.PIPE, text=True).stdout

    def test_package_tests_examples_and_a_program(self) -> None:
        stubs, program = os.path.join(self.folder, "python_stubs.py"), os.path.join(self.folder, "program.py")
        shutil.copy(os.path.join(TOP, "build-aux", "python-stubs"), stubs)
        with open(program, "w") as f:
            f.write(PROGRAM)
        others = [os.path.abspath(path) for folder in ("tests/python", "examples", "bench")
                  for path in glob.glob(os.path.join(TOP, folder, "*.py"))]
        self.assertGreater(len(others), 20)
        said = self.said("--no-error-summary", "--strict", PACKAGE, stubs, program, *others)
        told = [line for line in said.splitlines() if line.startswith("program.py:")]
        self.assertEqual([line for line in said.splitlines() if line not in told], [])
        types = [line.split("Revealed type is ")[1] for line in told if "Revealed" in line]
        plain = [t.strip('"').replace("builtins.", "").replace("Union[datetime.date, None]", "datetime.date | None")
                 for t in types]
        self.assertEqual(plain, REVEALED)
        self.assertEqual([line.rsplit("[", 1)[1].rstrip("]") for line in told if " error: " in line], ERRORS, said)

    def test_stubs(self) -> None:
        version = re.findall(r"\d+", self.said("--version").split("mypy ")[1])
        if self.mypy[1:] != ["-m", "mypy"] or [int(n) for n in version[:2]] < [1, 8]:
            self.skipTest("no stubtest that knows TypedDict's metaclass")
        # Ours, and what Python 3.13 gives each TypedDict.
        allowed = os.path.join(self.folder, "allowed")
        with open(allowed, "w") as f:
            f.write(r"psymatch\.payloads\.\w+\.__(event_type|mutable_keys|readonly_keys)__")
        done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "--allowlist", allowed,
                               "--ignore-unused-allowlist", "psymatch.payloads", "psymatch.records"],
                              cwd=self.folder, env={**os.environ, "MYPYPATH": os.path.dirname(PACKAGE)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


class Told(unittest.TestCase):
    """What checkers read beside the code is what the library says."""

    def members(self, module: Any, name: str) -> Any:
        with open(module.__file__, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        return next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name)

    def test_exceptions(self) -> None:
        with open(errors.__file__, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        told = {n.name for block in tree.body if isinstance(block, ast.If) for n in block.body
                if isinstance(n, ast.ClassDef)}
        self.assertEqual(told, set(errors.BY_NAME))
        with open(psymatch.__file__, encoding="utf-8") as f:
            text = f.read()
        self.assertEqual([name for name in errors.BY_NAME if "%s as %s" % (name, name) not in text], [])

    def test_words(self) -> None:
        for module, name in ((patients, "Status"), (therapists, "Status"), (searches, "Status"), (inquiries, "State")):
            told = {n.targets[0].id: ast.literal_eval(n.value) for n in self.members(module, name).body}
            self.assertEqual(told, {member.name: member.value for member in getattr(module, name)})

    def test_stubs_are_those_of_the_tables(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, os.path.join(TOP, "build-aux", "python-stubs"), folder], check=True)
            for name in ("payloads.pyi", "records.pyi"):
                with open(os.path.join(folder, name), encoding="utf-8") as made, \
                        open(os.path.join(PACKAGE, name), encoding="utf-8") as kept:
                    self.assertEqual(kept.read(), made.read(),
                                     "tables have changed: make stubs")

    def test_nothing_public_is_just_anything(self) -> None:
        found = set()
        for name, value in public():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isclass(value):
                function = value.__dict__.get("__init__")
            if not inspect.isfunction(function) or name in ANYTHING or function.__module__.startswith("psymatch._"):
                continue
            hints = function.__annotations__
            if inspect.isclass(value) and next(iter(hints), "") in ("row", "handle", "pointer"):
                continue  # not made by programs
            found |= {(name, p) for p in inspect.signature(function).parameters if p not in hints and p != "self"
                      and p != "cls"}
            found |= {(name, p) for p, hint in hints.items() if hint == "Any" and p not in QUERIES}
        self.assertEqual(found, set())


class Payloads(unittest.TestCase):
    def test_every_event_type_has_one(self) -> None:
        self.assertEqual(list(payloads.TYPES), [t.name for t in psymatch.catalogue()])
        for row in psymatch.catalogue():
            made = payloads.TYPES[row.name]
            self.assertEqual(made.__required_keys__, {f.name for f in row.fields.values() if f.required}, row.name)
            self.assertEqual(made.__optional_keys__, {f.name for f in row.fields.values() if not f.required}, row.name)
            self.assertEqual(made.__doc__, row.meaning)
            self.assertIs(getattr(payloads, made.__name__), made)
        self.assertIn("from", payloads.EmailResponseReceived.__annotations__["response_data"].__args__[0].__annotations__)

    def test_payload_as(self) -> None:
        ev = event(7)
        payload = ev.payload_as(payloads.TherapistUnblocked)
        self.assertEqual((payload["therapist_id"], payload["therapist_data"]["id"]), (7, 7))
        for wrong in (payloads.TherapistBlocked, payloads.TherapistData, dict):
            with self.assertRaises(TypeError):
                ev.payload_as(wrong)


class Records(Database):
    def test_every_entity_has_one(self) -> None:
        self.assertEqual(list(records.TYPES), list(psymatch.entities()))
        for name, entity in psymatch.entities().items():
            self.assertEqual([f.name for f in dataclasses.fields(records.TYPES[name])], list(entity.fields))

    def test_a_row(self) -> None:
        self.store.migrate("patient")
        values = {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Muster",
                  "geburtsdatum": datetime.date(1980, 5, 17)}
        with self.store.transaction() as tx:
            row, version = tx.create(records.Patient, values)
            self.assertEqual((row.nachname, row.geburtsdatum, row.plz, row.status), (
                "Muster", datetime.date(1980, 5, 17), None, "offen"))
            self.assertEqual(tx.get(records.Patient, row.id), (row, version))
            self.assertEqual(tx.list(records.Patient, status="offen", sort="-id", limit=1)["data"][0].vorname, "Berta")
            other, _ = tx.update(records.Patient, row.id, {"plz": "10115"}, if_version=version)
            self.assertEqual(dataclasses.replace(other, plz=None, updated_at=row.updated_at), row)
            self.assertEqual(records.Patient.of(tx.get("patient", row.id)[0]), other)
            self.assertEqual(records.Patient.of(other.as_dict()), other)
            with self.assertRaises(dataclasses.FrozenInstanceError):
                row.plz = "1"  # type: ignore[misc]
            with self.assertRaises(TypeError):
                tx.get(dict, row.id)  # type: ignore[type-var]
            tx.delete(records.Patient, row.id)

    def test_times(self) -> None:
        call = records.PhoneCall.of({"id": 1, "geplantes_datum": "2026-03-11", "geplante_zeit": "10:05",
                                     "created_at": "2026-03-11T09:00:00.5Z"})
        self.assertEqual((call.geplantes_datum, call.geplante_zeit), (datetime.date(2026, 3, 11), datetime.time(10, 5)))
        self.assertEqual(call.created_at, datetime.datetime(2026, 3, 11, 9, 0, 0, 500000, datetime.timezone.utc))


if __name__ == "__main__":
    unittest.main()
