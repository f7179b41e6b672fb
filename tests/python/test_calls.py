# SPDX-License-Identifier: BSD-2-Clause
import datetime
import unittest
from typing import ClassVar

import psymatch
from helping import OwnDatabase
from psymatch import calls, errors, jobs, therapists


class Calls(OwnDatabase):
    config: ClassVar[psymatch.Config]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("communication")
        cls.store.migrate("matching")
        cls.config = psymatch.Config(from_env=False, **cls.settings)

    def setUp(self) -> None:
        self.store.execute("DELETE FROM communication_service.telefonanrufe")

    def test_plans_and_completes(self) -> None:
        first = calls.create(self.store, {"therapist_id": 7, "geplantes_datum": datetime.date(2999, 3, 11)})
        second = calls.create(self.store, {"therapist_id": 7, "geplantes_datum": "2999-03-11"})
        self.assertEqual([(c["geplante_zeit"], c["dauer_minuten"]) for c in (first, second)],
                         [("10:00", 5), ("14:00", 5)])
        call, version = calls.get(self.store, first["id"])
        self.assertEqual((call, version), (first, 1))
        done = calls.update(self.store, first["id"], {"status": "abgeschlossen"}, if_version=1)
        self.assertIsNotNone(done["tatsaechliche_zeit"])
        with self.assertRaises(errors.TransitionError):
            calls.update(self.store, first["id"], {"status": "geplant"})
        self.assertEqual(calls.update(self.store, second["id"], {"notizen": None}, merge=True)["notizen"], None)
        page = calls.list(self.store, therapist_id=7, status="geplant")
        self.assertEqual([c["id"] for c in page["data"]], [second["id"]])
        calls.delete(self.store, second["id"])
        with self.assertRaises(errors.NotFoundError):
            calls.get(self.store, second["id"])

    def test_is_asked_for(self) -> None:
        self.store.migrate("therapist")
        who = {"anrede": "Herr", "geschlecht": "männlich", "vorname": "Anton", "nachname": "Muster"}
        row = therapists.create(self.store, dict(who, telefon="030 1"))
        calls.request(self.store, "therapist", row["id"])
        with self.assertRaises(errors.ConflictError):
            calls.request(self.store, "therapist", therapists.create(self.store, who)["id"])
        with self.assertRaises(errors.NotFoundError):
            calls.request(self.store, "therapist", 999)

    def test_tells_all_faults(self) -> None:
        with self.assertRaises(errors.SchemaError) as raised:
            calls.create(self.store, {"therapist_id": "x", "dauer_minuten": 0})
        self.assertEqual({pointer for pointer, _ in raised.exception.faults}, {"/therapist_id", "/dauer_minuten"})
        at_ten = {"therapist_id": 7, "geplantes_datum": "2999-03-11", "geplante_zeit": "10:00"}
        calls.create(self.store, at_ten)
        with self.assertRaises(errors.ConflictError):
            calls.create(self.store, at_ten)

    def test_once(self) -> None:
        made = []
        for _ in range(2):
            with self.store.transaction() as tx:
                made.append(calls.plan(tx, {"patient_id": 3}, once_key="welcome:3"))
        self.assertEqual([new for _, new in made], [True, False])
        self.assertEqual(made[0][0]["id"], made[1][0]["id"])

    def test_follow_up(self) -> None:
        self.store.execute("INSERT INTO matching_service.therapeuten_kopie (id, status, event_time, event_id) VALUES "
                           "(7, 'aktiv', now(), 'x')")
        self.store.execute("INSERT INTO matching_service.therapeutenanfrage (id, therapist_id, anfragegroesse, "
                           "gesendet_datum) VALUES (12, 7, 1, '2026-01-01')")
        self.assertEqual(calls.follow_up(self.store),
                         {"planned": 1, "handed_over": 0, "without_time": 0, "failed": 0})
        call, = calls.list(self.store, therapeutenanfrage_id=12)["data"]
        self.assertEqual((call["geplante_zeit"], call["notizen"]), ("10:00", "Follow-up f\u00fcr Anfrage A12"))
        with self.store.transaction() as tx:
            self.assertFalse(calls.follow_up_called(tx, 12, 99))
        with jobs.Jobs(self.store, self.config) as work:
            calls.follow_up_daily(work, self.store, self.config)
            with self.assertRaises(errors.ConflictError):
                calls.follow_up_daily(work, self.store, self.config)
            self.assertEqual(work.run_once(), 0)
        self.assertEqual(jobs.status(self.store)[0]["daily_at"], "09:00")
