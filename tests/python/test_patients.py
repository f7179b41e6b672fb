# SPDX-License-Identifier: BSD-2-Clause
import datetime
import unittest
from typing import Any

import psymatch
from psymatch import patients

from helping import Database

BERTA = {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Musterbaum"}


class Patients(Database):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("patient")

    def setUp(self) -> None:
        with self.store.transaction() as tx:
            tx.execute("DELETE FROM patient_service.patienten")
            tx.execute("DELETE FROM psymatch.outbox")

    def events(self) -> Any:
        with self.store.transaction() as tx:
            return [row[0] for row in tx.execute("SELECT type FROM psymatch.outbox ORDER BY id")]

    def test_the_start(self) -> None:
        row = patients.create(self.store, dict(BERTA, geburtsdatum=datetime.date(1990, 1, 2)))
        self.assertEqual((row["status"], row["geburtsdatum"]), (patients.Status.OFFEN, "1990-01-02"))
        row = patients.update(self.store, row["id"], {"zahlung_eingegangen": True, "plz": None})
        row = patients.patch(self.store, row["id"], {"vertraege_unterschrieben": True}, if_version=2)
        self.assertEqual(row["status"], "auf_der_Suche")
        self.assertIsNotNone(row["startdatum"])
        self.assertEqual(self.events(), ["patient.created", "patient.updated", "patient.updated",
                                         "patient.status_changed"])
        self.assertEqual(patients.get(self.store, row["id"]), (row, 3))
        with self.assertRaises(psymatch.PreconditionError):
            patients.update(self.store, row["id"], {"ort": "Ulm"}, if_version=1)
        with self.assertRaises(psymatch.TransitionError):
            patients.update(self.store, row["id"], {"status": patients.Status.THERAPIE_ABGEBROCHEN})

    def test_all_faults_at_once(self) -> None:
        with self.assertRaises(psymatch.SchemaError) as raised:
            patients.create(self.store, dict(BERTA, plz="1", zeitliche_verfuegbarkeit={"montag": ["früh"]}, symptome=[]))
        self.assertEqual({pointer for pointer, _ in raised.exception.faults},
                         {"/plz", "/zeitliche_verfuegbarkeit/montag/0", "/symptome"})
        self.assertEqual(self.events(), [])
        with self.assertRaises(psymatch.SchemaError):
            row = patients.create(self.store, BERTA)
            patients.patch(self.store, row["id"], {"id": 9})

    def test_lists_and_deletes(self) -> None:
        ids = [patients.create(self.store, dict(BERTA, nachname=name))["id"] for name in ("A", "B")]
        page = patients.list(self.store, sort="-nachname", limit=1, status="offen")
        self.assertEqual((page["total"], page["data"][0]["nachname"]), (2, "B"))
        self.assertEqual(patients.list(self.store)["total"], 2)
        patients.delete(self.store, ids[0], if_version=1)
        with self.assertRaises(psymatch.NotFoundError):
            patients.delete(self.store, ids[0])
        self.assertEqual(self.events()[-1], "patient.deleted")
        self.assertEqual(patients.announce(self.store, all=True), 1)
        self.assertEqual(patients.announce(self.store), 0)

    def test_contacts(self) -> None:
        row = patients.create(self.store, BERTA)
        self.assertTrue(patients.contact(self.store, row["id"], datetime.date(2026, 1, 2)))
        self.assertFalse(patients.contact(self.store, row["id"], "2026-01-01"))
        with self.assertRaises(psymatch.InvalError):
            patients.contact(self.store, row["id"], "yesterday")
        self.assertIn("email.sent", patients.TYPES)
        sent = psymatch.Event.new("email.sent", "test", {"email_id": 1, "email_data": {}, "patient_id": row["id"]})
        with self.store.transaction() as tx:
            patients.handle(tx, sent)
        self.assertGreater(patients.get(self.store, row["id"])[0]["letzter_kontakt"], "2026-01-02")
        with self.store.transaction() as tx, self.assertRaises(TypeError):
            patients.handle(tx, {})  # type: ignore[arg-type]

    def test_gaps(self) -> None:
        row = patients.create(self.store, BERTA)
        self.assertEqual(patients.search_gaps(row), [
            "symptome", "krankenkasse", "geburtsdatum", "erfahrung_mit_psychotherapie", "zeitliche_verfuegbarkeit"])
        row.update(symptome=["Mobbing"], krankenkasse="AOK", geburtsdatum="1990-01-02",
                   erfahrung_mit_psychotherapie=True, zeitliche_verfuegbarkeit={"montag": ["09:00-12:00"]})
        self.assertEqual(patients.search_gaps(row), ["letzte_sitzung_vorherige_psychotherapie"])


if __name__ == "__main__":
    unittest.main()
