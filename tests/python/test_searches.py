# SPDX-License-Identifier: BSD-2-Clause
import unittest

import psymatch
from psymatch import searches

from helping import Database

TABLES = ("therapeut_anfrage_patient", "therapeutenanfrage", "platzsuche", "patienten_kopie", "therapeuten_kopie",
          "suche_unvollstaendig")


class Searches(Database):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("matching")

    def setUp(self) -> None:
        with self.store.transaction() as tx:
            for table in TABLES:
                tx.execute("DELETE FROM matching_service." + table)
            tx.execute("DELETE FROM psymatch.outbox")
            for id, plz, birth in ((1, "10115", "1990-01-01"), (2, "10117", "1930-01-01"), (3, "10119", None)):
                tx.execute("INSERT INTO matching_service.patienten_kopie (id, vorname, geschlecht, plz, symptome, "
                           "krankenkasse, geburtsdatum, erfahrung_mit_psychotherapie, offen_fuer_gruppentherapie, "
                           "zeitliche_verfuegbarkeit, event_time, event_id) VALUES ($1::integer, 'A', 'weiblich', $2, "
                           "'[\"Mobbing\"]', 'K', $3::date, false, false, '{\"montag\": [\"09:00-10:00\"]}', now(), '')",
                           id, plz, birth)
            tx.execute("INSERT INTO matching_service.therapeuten_kopie (id, vorname, nachname, plz, status, geschlecht, "
                       "psychotherapieverfahren, alter_max, event_time, event_id) VALUES (7, 'B', 'C', '10115', 'aktiv', "
                       "'weiblich', 'egal', 60, now(), '')")

    def test_a_search(self) -> None:
        row = searches.create(self.store, 1, notizen="urgent", dringlichkeit=1)
        self.assertEqual((row["patient_id"], row["status"]), (1, searches.Status.AKTIV))
        self.assertRegex(row["notizen"], r"^\[.* \(API\)\] urgent$")
        with self.assertRaises(psymatch.ConflictError) as raised:
            searches.create(self.store, 1)
        self.assertEqual(raised.exception.faults, (("/search_id", "found %d" % row["id"]),))
        with self.assertRaises(psymatch.NotFoundError):
            searches.create(self.store, 9)
        with self.assertRaises(psymatch.SchemaError) as told:
            searches.create(self.store, 3)
        self.assertEqual([pointer for pointer, _ in told.exception.faults], ["/patient/geburtsdatum"])

    def test_changes(self) -> None:
        id = searches.create(self.store, 1)["id"]
        searches.pause(self.store, id, "holiday")
        searches.resume(self.store, id)
        self.assertTrue(searches.exclude(self.store, id, 7, "rude"))
        self.assertFalse(searches.exclude(self.store, id, 7))
        row = searches.update(self.store, id, {"ausgeschlossene_therapeuten": [7, 8]})
        self.assertEqual(row["ausgeschlossene_therapeuten"][0]["reason"], "rude")
        self.assertEqual(row["ausgeschlossene_therapeuten"][1], 8)
        self.assertEqual(searches.contact(self.store, id, 3), {"search_id": id, "previous_total": 0, "new_total": 3})
        self.assertIsNone(searches.patch(self.store, id, {"notizen": None})["notizen"])
        with self.assertRaises(psymatch.PreconditionError):
            searches.update(self.store, id, {"notizen": "x"}, if_version=1)
        row, version = searches.get(self.store, id)
        self.assertEqual((row["patient"]["plz"], row["anfrage_verlauf"], version), ("10115", [], 7))
        searches.cancel(self.store, id)
        with self.assertRaises(psymatch.TransitionError):
            searches.resume(self.store, id)
        searches.delete(self.store, id)
        self.assertEqual(searches.list(self.store)["total"], 0)

    def test_lists(self) -> None:
        ids = [searches.create(self.store, patient)["id"] for patient in (1, 2)]
        page = searches.list(self.store, status="aktiv", max_anfragen=0, limit=1)
        self.assertEqual((page["total"], page["data"][0]["id"]), (2, ids[1]))
        with self.assertRaises(psymatch.SchemaError):
            searches.list(self.store, status="offen")

    def test_who_fits(self) -> None:
        ids = [searches.create(self.store, patient)["id"] for patient in (1, 2)]
        answer = searches.why_not(self.store, ids[1], 7)
        self.assertFalse(answer["fits"])
        self.assertEqual([r["reason"] for r in answer["failed"]], ["too_old"])
        answer = searches.eligible(self.store, 7)
        self.assertEqual(([d["patient_id"] for d in answer["data"]], answer["reasons"]), ([1], {"too_old": 1}))
        self.assertEqual([t["id"] for t in searches.selection(self.store, "10")["data"]], [7])
        with self.assertRaises(psymatch.SchemaError) as raised:
            searches.selection(self.store, "1")
        self.assertEqual(raised.exception.pointer, "/plz_prefix")

    def test_what_is_missing(self) -> None:
        self.assertEqual(searches.incomplete(self.store), {"data": [], "total": 0})
        with self.store.transaction() as tx:
            tx.execute("INSERT INTO matching_service.suche_unvollstaendig VALUES (3, '{geburtsdatum}', "
                       "'2026-03-02T10:00:00Z', '2026-03-02T11:00:00Z')")
        self.assertEqual(searches.incomplete(self.store)["data"], [
            {"patient_id": 3, "missing": ["geburtsdatum"], "since": "2026-03-02T10:00:00Z",
             "last": "2026-03-02T11:00:00Z"}])


if __name__ == "__main__":
    unittest.main()
