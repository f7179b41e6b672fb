# SPDX-License-Identifier: BSD-2-Clause
import json
import os
import tempfile
import unittest
from typing import Any

import psymatch
from helping import OwnDatabase
from psymatch import errors, imports


def registration(token: Any = None, **more: Any) -> Any:
    data = {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Musterbaum", **more}
    return {"patient_data": data, "registration_token": token}


class Imports(OwnDatabase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("patient")

    def test_a_registration_is_imported_once(self) -> None:
        first = imports.patient(self.store, "a.json", registration("ABCDEFGHIJ", plz="10115"))
        self.assertTrue(first["created"])
        again = imports.patient(self.store, "b.json", registration("ABCDEFGHIJ", plz="10115"))
        self.assertEqual(again, {"patient_id": first["patient_id"], "created": False})
        with self.assertRaises(errors.BY_NAME["ConflictError"]):
            imports.patient(self.store, "a.json", registration("ABCDEFGHIJ", plz="10117"))
        with self.assertRaises(psymatch.PsmError) as caught:
            imports.patient(self.store, "a.json", registration(symptome=7))
        self.assertEqual(caught.exception.pointer, "/patient_data/symptome")
        self.assertEqual(self.store.execute("SELECT zahlungsreferenz FROM patient_service.patienten WHERE id = $1::int",
                                            str(first["patient_id"])), [("ABCDEFGH",)])

    def test_a_registration_is_confirmed_once(self) -> None:
        self.store.migrate("communication")
        imports.patient(self.store, "c.json", registration("CONFIRM-1", email="berta@example.org"))
        seen = []

        def render(name: Any, values: Any) -> Any:
            seen.append((name, values["patient"]["zahlungsreferenz"]))
            return None, "<p>Willkommen</p>", "Willkommen"

        def stop(*_args: Any) -> Any:
            raise KeyboardInterrupt

        with self.assertLogs("psymatch"), self.assertRaises(KeyboardInterrupt):
            imports.confirm(self.store, stop)
        with self.assertRaises(ValueError):
            imports.confirm(self.store, render, limit=2 ** 32 + 1)
        self.assertEqual((imports.confirm(self.store, render), imports.confirm(self.store, render)), (1, 0))
        self.assertEqual(seen, [("patient_registration_confirmation", "CONFIRM-")])
        self.assertEqual(self.store.execute("SELECT empfaenger_email FROM communication_service.emails"),
                         [("berta@example.org",)])

    def test_a_folder_is_emptied(self) -> None:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as keep:
            with open(os.path.join(folder, "a.json"), "w") as f:
                json.dump(registration("FOLDER-1"), f)
            with open(os.path.join(folder, "b.json"), "w") as f:
                json.dump(registration("FOLDER-2", geburtsdatum="2001-02-29"), f)
            os.utime(os.path.join(folder, "b.json"), (0, 0))
            work = imports.PatientImport(self.store, folder, keep=keep)
            self.assertEqual((work.run(), work.run()), (1, 0))
            self.assertEqual(work.status()["total_processed"], 1)
            self.assertEqual([r["status"] for r in work.status()["recent_imports"]], ["success", "failed"])
            self.assertEqual([e["pointer"] for e in work.errors()], ["/patient_data/geburtsdatum"])
            self.assertEqual(work.health()["status"], "degraded")
            work.cancel()
            with self.assertRaises(errors.StateError):
                work.run()
            self.assertEqual(os.listdir(folder), [])
            self.assertEqual(sorted(os.listdir(keep)), [".tmp", "a.json", "failed"])


if __name__ == "__main__":
    unittest.main()
