# SPDX-License-Identifier: BSD-2-Clause
"""Therapists, and the rules of the matching service."""
import datetime
import json
import os
import tempfile
import unittest
from typing import Any

import psymatch
from psymatch import inquiries, searches, therapists

from helping import Database

ANTON = {"anrede": "Herr", "geschlecht": "männlich", "vorname": "Anton", "nachname": "Muster"}
RECORD: Any = {"basic_info": {"salutation": "Herr", "first_name": "Anton", "last_name": "Muster"},
          "location": {"street": "Weg", "house_number": "1", "postal_code": "10115", "city": "Berlin"},
          "contact": {"phone": "030 1234567"}, "therapy_methods": ["Verhaltenstherapie (Erwachsene)"], "languages": [],
          "telephone_hours": {}}
NINE = datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.timezone.utc)


class Therapists(Database):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("therapist")

    def test_a_therapist(self) -> None:
        row = therapists.create(self.store, ANTON)
        self.assertEqual(row["status"], therapists.Status.AKTIV)
        self.assertEqual(therapists.get(self.store, row["id"]), (row, 1))
        self.assertTrue(therapists.block(self.store, row["id"], "reise"))
        self.assertFalse(therapists.block(self.store, row["id"], "reise"))
        self.assertTrue(therapists.unblock(self.store, row["id"]))
        self.assertEqual(therapists.update(self.store, row["id"], {"plz": "10115"})["plz"], "10115")
        with self.assertRaises(psymatch.PreconditionError):
            therapists.patch(self.store, row["id"], {"plz": None}, if_version=1)
        self.assertIsNone(therapists.patch(self.store, row["id"], {"plz": None})["plz"])
        self.assertIn(row["id"], [r["id"] for r in therapists.list(self.store, sort="-id", limit=1)["data"]])
        self.assertGreaterEqual(therapists.announce(self.store, all=True), 1)
        therapists.delete(self.store, row["id"])
        with self.assertRaises(psymatch.NotFoundError):
            therapists.get(self.store, row["id"])

    def test_import(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            day = os.path.join(folder, "20260131")
            os.mkdir(day)
            with open(os.path.join(day, "10115.json"), "w") as f:
                json.dump({"therapists": [dict(RECORD, basic_info=dict(RECORD["basic_info"], last_name="Ordner"))]}, f)
            with therapists.TherapistImport(self.store, folder) as work:
                self.assertEqual((work.run(), work.run(), work.stat("created"), work.errors()), (1, 0, 1, []))
                self.assertEqual(work.file(os.path.join(day, "10115.json")), 0)
                self.assertEqual(work.status()["total_therapists_processed"], 1)
                self.assertIn(work.health()["status"], ("healthy", "degraded", "unhealthy"))
                self.assertIsNone(work.health()["details"]["disk"])
                work.watch_disk(folder, 1)
                self.assertGreater(work.health()["details"]["disk"]["free_bytes"], 0)
                with self.assertRaises(psymatch.InvalError):
                    work.watch_disk(None, -1)
                work.cancel()
                with self.assertRaises(psymatch.StateError):
                    work.run()

    def test_suggestions(self) -> None:
        row = therapists.create(self.store, dict(ANTON, plz="99510"))
        event = psymatch.Event.new("patient.created", "patient-service", {
            "patient_id": 70, "patient_data": {"id": 70, "plz": "99518"}})
        with self.store.transaction() as tx:
            therapists.handle(tx, event)
        page = therapists.suggestions(self.store, 70, limit=5)
        self.assertEqual([r["therapist_id"] for r in page["data"]], [row["id"]])
        self.assertEqual((page["patient_id"], page["total"]), (70, 1))
        with self.assertRaises(psymatch.NotFoundError):
            therapists.suggestions(self.store, 71)
        work = therapists.workload(self.store, row["id"])
        self.assertEqual((work["pending_patients"], work["response_rate"]), (0, None))
        self.assertEqual(therapists.workloads(self.store, "995", limit=3)["data"], [work])
        self.assertGreaterEqual(therapists.workloads(self.store)["total"], 1)

    def test_handle(self) -> None:
        event = psymatch.Event.new("email.sent", "communication-service", {
            "email_id": 1, "therapist_id": 999999, "communication_type": "email", "email_data": {}})
        with self.store.transaction() as tx:
            therapists.handle(tx, event)
            with self.assertRaises(TypeError):
                therapists.handle(tx, "no event")  # type: ignore[arg-type]


class Rules(unittest.TestCase):
    def test_records(self) -> None:
        fields: Any = therapists.from_record(RECORD)
        self.assertEqual((fields["nachname"], fields["plz"]), ("Muster", "10115"))
        self.assertIsNone(therapists.from_record(dict(RECORD, therapy_methods=["Verhaltenstherapie (Kinder)"])))
        stored = dict(fields, id=7, status="aktiv", telefon=None)
        self.assertEqual(therapists.match(fields, [stored]), (0, False))
        merged, count = therapists.merge(stored, fields)
        self.assertEqual((merged["telefon"], count), (fields["telefon"], 1))
        with self.assertRaises(psymatch.NotFoundError):
            therapists.match(fields, [])

    def test_transitions(self) -> None:
        self.assertEqual(therapists.transition("aktiv", therapists.Status.GESPERRT), ("therapist.blocked", "set"))
        self.assertTrue(searches.transition(searches.Status.AKTIV, "pausiert"))
        self.assertFalse(searches.transition("abgebrochen", "aktiv"))
        with self.assertRaises(psymatch.InvalError):
            searches.transition("aktiv", "nowhere")
        self.assertTrue(inquiries.transition("unsent", inquiries.State.SENT))
        self.assertFalse(inquiries.transition("answered", "sent"))
        self.assertEqual(inquiries.state(True, False, None), inquiries.State.SENT)

    def test_lists(self) -> None:
        excluded = searches.with_excluded(None, 7, "no", NINE)
        self.assertEqual([e["id"] for e in excluded], [7])
        self.assertEqual(searches.with_excluded(excluded, 7), excluded)
        self.assertEqual([searches.is_excluded(excluded, i) for i in (7, 8)], [True, False])
        self.assertEqual(searches.with_note(None, "text", "System", NINE).split("]")[1], " text")


if __name__ == "__main__":
    unittest.main()
