# SPDX-License-Identifier: BSD-2-Clause
"""The earlier classes, used as the platform's services used them: programs that
were written for them, with another line of import."""
import datetime
import threading
import unittest
from typing import Any

import psymatch
from helping import Bus, run
from psymatch.compat import EventSchema, KafkaConsumer, RobustKafkaProducer


class DropIn(Bus):
    def producer(self, name: Any = "matching-service") -> Any:
        made = RobustKafkaProducer(service_name=name, transport=self.transport, config=self.config)
        self.addCleanup(made.close)
        return made

    def received(self, topic: Any, count: Any, event_types: Any = None, group: Any = "test") -> Any:
        got = []
        consumer = KafkaConsumer(topics=[topic], group_id=group, transport=self.transport, config=self.config)

        def handler(event: Any) -> None:
            got.append(event)
            if len(got) == count:
                consumer.close()

        thread = threading.Thread(target=consumer.process_events, args=(handler, event_types), daemon=True)
        thread.start()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        return got

    def test_every_service_publishes_what_it_published(self) -> None:
        sent = (
            ("patient-service", "patient-events", "patient.created", 4,
             {"patient_id": 4, "patient_data": {"id": 4, "vorname": "Erika", "geburtsdatum": datetime.date(1990, 2, 3)}}),
            ("patient-service", "patient-events", "patient.status_changed", 4,
             {"patient_id": 4, "old_status": None, "new_status": "offen", "patient_data": {"id": 4}}),
            ("therapist-service", "therapist-events", "therapist.created", 5,
             {"therapist_id": 5, "therapist_data": {"id": 5, "nachname": "Muster"}}),
            ("matching-service", "matching-events", "therapeutenanfrage.created", 6,
             {"anfrage_id": 6, "therapist_id": 5, "patient_ids": [4, 7], "anfrage_size": 2}),
            ("communication-service", "communication-events", "email.sent", 8,
             {"email_id": 8, "email_data": {"id": 8}, "communication_type": "email"}),
        )
        # One per service: only what one of them sends has an order.
        producers = {row[0]: self.producer(row[0]) for row in sent}
        for service, topic, event_type, key, payload in sent:
            with self.subTest(event_type):
                self.assertTrue(producers[service].send_event(
                    topic=topic, event_type=event_type, payload=payload, key=str(key)))
        for topic in ("patient-events", "communication-events"):
            rows = [row for row in sent if row[1] == topic]
            got = self.received(topic, len(rows))
            self.assertEqual([(e.producer, e.event_type) for e in got], [(row[0], row[2]) for row in rows])
        self.assertEqual(self.received("patient-events", 1, ["patient.created"], "other")[0].payload["patient_data"]
                         ["geburtsdatum"], "1990-02-03")

    def test_a_bad_payload_is_false_and_told_without_its_values(self) -> None:
        p = self.producer()
        for topic, event_type, payload, key in (
                ("matching-events", "therapeutenanfrage.created", {"anfrage_id": "Frau Muster"}, None),
                ("matching-events", "nothing.known", {}, None),
                ("matching-events", "search.status_changed", {"search_id": object()}, None),
                ("matching\0events", "search.status_changed", {}, None),
                ("matching-events", "therapeutenanfrage.created",
                 {"anfrage_id": 6, "therapist_id": 5, "patient_ids": [4], "anfrage_size": 1}, "7")):
            with self.subTest(event_type), self.assertLogs("psymatch", "ERROR") as logged:
                self.assertIs(p.send_event(topic, event_type, payload, key), False)
            self.assertNotIn("Muster", "".join(logged.output))

    def test_the_callers_settings_stay_as_they_are(self) -> None:
        before = self.config._given()
        RobustKafkaProducer("one:1,two:2", "x", config=self.config).close()
        KafkaConsumer("patient-events", "g", ["one:1"], self.transport, self.config)
        self.assertEqual(self.config._given(), before)

    def test_an_event_is_one_event_however_often_it_is_written(self) -> None:
        ev = EventSchema("therapist.unblocked", {"therapist_id": 7, "therapist_data": {"id": 7}}, "therapist-service")
        self.assertEqual(ev.to_json(), ev.to_json())
        data = ev.to_dict()
        self.assertEqual((data["eventId"], data["version"], data["timestamp"]),
                         (ev.event_id, "1.0", ev.timestamp))
        again = EventSchema.from_json(ev.to_json())
        self.assertEqual(vars(again), vars(ev))
        self.assertEqual(vars(EventSchema.from_dict(data)), vars(ev))
        given = EventSchema("therapist.unblocked", ev.payload, "a", "1.0", ev.event_id, "2025-08-11T09:44:00.000000Z")
        self.assertEqual((given.event_id, given.to_dict()["timestamp"]), (ev.event_id, "2025-08-11T09:44:00.000000Z"))
        with self.assertRaises(psymatch.SchemaError):
            EventSchema("therapist.unblocked", {"therapist_id": "x"}, "a")

    def test_a_program_that_ends_without_close_loses_nothing(self) -> None:
        program = """
import psymatch.producer
from psymatch.compat import RobustKafkaProducer
psymatch.producer.EXIT_MS = 0
p = RobustKafkaProducer("127.0.0.1:1", service_name="therapist-service")
for i in range(1, 21):
    print(p.send_event(topic="therapist-events", event_type="therapist.updated",
                       payload={"therapist_id": i, "therapist_data": {"id": i}}, key=str(i)))
"""
        code, out, said = run(program, PSYMATCH_SPOOL_DIR=self.dir.name)
        self.assertEqual((code, out), (0, "True\n" * 20), said)
        self.assertIn("20 events are not sent yet, kept in the spool", said)
        with psymatch.Producer(self.transport, self.config) as p:
            self.assertEqual(p.flush(60000), 0)
        self.assertEqual(len(self.received("therapist-events", 20)), 20)


if __name__ == "__main__":
    unittest.main()
