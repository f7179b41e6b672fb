# SPDX-License-Identifier: BSD-2-Clause
"""Catalogue, settings, spool, clock, log, metrics."""
import datetime
import tempfile
import unittest
from typing import Any

import psymatch
from helping import event
from psymatch import clock, log, metrics, spool

NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


class Tools(unittest.TestCase):
    def test_catalogue(self) -> None:
        kind = psymatch.event_type("therapist.updated")
        self.assertEqual(kind.name, "therapist.updated")
        field = kind.fields["therapist_id"]
        self.assertEqual((field.type, field.required, field.nullable, field.words), ("integer", True, False, []))
        self.assertTrue(kind.fields["therapist_data"].fields["vorname"].personal)
        with self.assertRaises(KeyError):
            psymatch.event_type("nothing.happened")
        psymatch.check_payload("therapist.unblocked", {"therapist_id": 1, "therapist_data": {"id": 1}})
        with self.assertRaises(psymatch.SchemaError) as raised:
            psymatch.check_payload("therapist.unblocked", {"therapist_id": "1", "therapist_data": {"id": 1}})
        self.assertEqual((raised.exception.pointer, raised.exception.http_status), ("/therapist_id", 400))

    def test_settings(self) -> None:
        found = {s.name: s for s in psymatch.settings()}
        self.assertEqual((found["DB_PORT"].type, found["PSYMATCH_SPOOL_DURABILITY"].takes),
                         ("integer", "disk, interval or os"))
        config = psymatch.Config(from_env=False, DB_PORT=5433, PSYMATCH_STRICT=True)
        self.assertEqual((config.int("DB_PORT"), config.bool("PSYMATCH_STRICT")), (5433, True))
        with self.assertRaises(TypeError):
            config.int("DB_HOST")
        with self.assertRaises(KeyError):
            config.int("NOTHING")

    def test_spool(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=folder, PSYMATCH_SPOOL_DURABILITY="os",
                                     KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
            producer = psymatch.Producer(config=config)
            made = event(7)
            producer.send(made)
            producer.close(0)
            records = [item for item in spool.scan(folder, values=True) if item["what"] == "record"]
            self.assertEqual([(r["event_id"], r["key"], r["settled"]) for r in records], [(made.id, "7", 0)])
            self.assertIn(made.id.encode(), records[0]["value"])
            self.assertNotIn("value", spool.scan(folder)[0])
            self.assertEqual(spool.repair(folder), (0, 1))
        with self.assertRaises(psymatch.NotFoundError):
            spool.scan(folder)

    def test_clock(self) -> None:
        with clock.at(NOON):
            self.assertEqual((clock.now(), event(1).timestamp), (NOON, NOON))
        self.assertNotEqual(clock.now(), NOON)
        self.assertEqual(clock.rfc3339(NOON), "2026-01-31T12:00:00.000000Z")
        self.assertEqual(clock.parse("2026-01-31T13:00:00+01:00"), NOON)
        for wrong in (datetime.datetime(2026, 1, 31), "noon"):
            tell: Any = lambda said=wrong: said
            with self.assertRaises(TypeError):
                clock.set(tell)

    def test_log(self) -> None:
        with self.assertLogs("psymatch", "WARNING") as logs:
            log.write("warn", "a word", number=7)
        self.assertEqual((vars(logs.records[0])["fields"], logs.output), ({"number": "7"}, ["WARNING:psymatch:a word number=7"]))
        with self.assertRaises(ValueError):
            log.write("loud", "a word")

    def test_metrics(self) -> None:
        metrics.add("tools", 3)
        self.assertEqual(metrics.value("tools_total"), 3)
        self.assertIn("tools_total 3", metrics.text())
        with self.assertRaises(psymatch.InvalError):
            metrics.describe("no name", "Help.")


if __name__ == "__main__":
    unittest.main()
