# SPDX-License-Identifier: BSD-2-Clause
import datetime
import unittest

import psymatch
from psymatch import bundle, reports

from helping import Database

TODAY = datetime.date(2026, 11, 30)


class Bundle(unittest.TestCase):
    def setUp(self) -> None:
        self.bundle = bundle.Bundle(size=2)
        self.bundle.place("10115", 52.5, 13.4)
        self.bundle.put_therapist({"id": 7, "plz": "10115"})
        for id in (1, 2, 3):
            self.bundle.put_search({"id": id, "patient_id": id * 10, "plz": "10115",
                                    "created_at": "2026-01-0%dT10:00:00Z" % (4 - id)})

    def test_inquiry(self) -> None:
        found = self.bundle.inquiry(7, TODAY)
        self.assertEqual([(s["search_id"], s["patient_id"], s["distance_km"]) for s in found["searches"]],
                         [(3, 30, 0), (2, 20, 0)])
        self.assertTrue(self.bundle.remove_search(3))
        self.assertFalse(self.bundle.remove_search(3))
        self.assertEqual([s["search_id"] for s in self.bundle.inquiry(7, TODAY)["searches"]], [2, 1])

    def test_why_not(self) -> None:
        self.bundle.put_therapist({"id": 7, "plz": "10115", "bevorzugt_gruppentherapie": True})
        found = self.bundle.why_not(7, TODAY, search_id=1)
        self.assertEqual((found["fits"], found["reasons"]), (0, {"group_therapy": 1}))

    def test_select(self) -> None:
        self.assertEqual(self.bundle.select("10", TODAY)["therapists"], [{"id": 7, "tier": 7}])
        self.assertTrue(self.bundle.remove_therapist(7))
        self.assertFalse(self.bundle.remove_therapist(7))
        with self.assertRaises(psymatch.NotFoundError):
            self.bundle.inquiry(7, TODAY)

    def test_stats(self) -> None:
        stats = self.bundle.stats()
        self.assertEqual((stats["searches"], stats["therapists"]), (3, 1))

    def test_wrong(self) -> None:
        with self.assertRaises(psymatch.SchemaError) as caught:
            self.bundle.put_search({"id": 0, "patient_id": 1, "created_at": "yesterday"})
        self.assertEqual([f[0] for f in caught.exception.faults], ["/id", "/created_at"])
        with self.assertRaises(psymatch.SchemaError):
            bundle.Bundle(size=0)


class Stored(Database):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("matching")

    def setUp(self) -> None:
        for table in ("platzsuche", "patienten_kopie", "therapeuten_kopie"):
            self.store.execute("DELETE FROM matching_service." + table)

    def test_load(self) -> None:
        loaded = bundle.Bundle()
        self.assertEqual(loaded.load(self.store), 0)
        self.store.execute("INSERT INTO matching_service.therapeuten_kopie (id, plz, status, event_time, event_id) "
                           "VALUES (7, '10115', 'aktiv', now(), '')")
        self.store.execute("INSERT INTO matching_service.patienten_kopie (id, plz, event_time, event_id) "
                           "VALUES (3, '10117', now(), '')")
        id = int(self.store.execute("INSERT INTO matching_service.platzsuche (patient_id) VALUES (3) RETURNING id")[0][0])
        self.assertEqual(loaded.load(self.store), 1)
        self.assertEqual([s["search_id"] for s in loaded.inquiry(7, TODAY)["searches"]], [id])

    def test_report(self) -> None:
        report = reports.matching(self.store, "2026-01-01", TODAY, by=[reports.WEEK, reports.STRATEGY])
        self.assertEqual(report, {"from": "2026-01-01", "to": "2026-11-30", "by": ["week", "strategy"], "rows": []})
        with self.assertRaises(psymatch.SchemaError) as caught:
            reports.matching(self.store, "2026-01-32", TODAY, by=["month"])
        self.assertEqual([f[0] for f in caught.exception.faults], ["/from", "/by"])


if __name__ == "__main__":
    unittest.main()
