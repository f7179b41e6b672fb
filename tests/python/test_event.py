# SPDX-License-Identifier: BSD-2-Clause
import datetime
import json
import unittest

import psymatch
from psymatch import errors

THERAPIST = {
    "therapist_id": 7,
    "therapist_data": {"id": 7, "vorname": "Änne", "nachname": "Muster", "plz": "10115", "status": "aktiv"},
}
ENVELOPE = (
    '{"eventId": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "eventType": "therapist.unblocked", "version": "1.0",'
    ' "timestamp": "2025-08-11T09:44:00.123456", "producer": "therapist-service",'
    ' "payload": {"therapist_id": 7, "therapist_data": {"id": 7}}}'
)
ID = "0198c0de-0000-7000-8000-00000000000a"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Events(unittest.TestCase):
    def test_a_new_event_has_everything(self) -> None:
        before = datetime.datetime.now(datetime.timezone.utc)
        ev = psymatch.Event.new("therapist.created", "therapist-service", THERAPIST)
        self.assertRegex(ev.id, r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertEqual((ev.type, ev.version, ev.producer), ("therapist.created", "1.0", "therapist-service"))
        self.assertEqual((ev.topic, ev.key), ("therapist-events", "7"))
        self.assertEqual(ev.payload, THERAPIST)
        self.assertLess(abs((ev.timestamp - before).total_seconds()), 5)

    def test_round_trip_in_both_writings(self) -> None:
        ev = psymatch.Event.new("therapist.created", "therapist-service", THERAPIST)
        for wire, name in ((psymatch.SNAKE, "event_id"), (psymatch.CAMEL, "eventId")):
            text = ev.encode(wire)
            self.assertEqual(json.loads(text)[name], ev.id)
            again = psymatch.Event.parse(text)
            self.assertEqual(again.payload, ev.payload)
            self.assertEqual(again.timestamp_us, ev.timestamp_us)

    def test_a_cloudevent_has_all_of_it(self) -> None:
        ev = psymatch.Event.new("therapist.created", "Praxis A & B", THERAPIST)
        ev.set_trace(causation_id=ID, correlation_id=ev.id, traceparent=TRACEPARENT, tracestate="a=b")
        text = ev.encode(psymatch.CLOUDEVENTS)
        made = json.loads(text)
        self.assertEqual((made["specversion"], made["source"], made["subject"], made["data"]),
                         ("1.0", "Praxis%20A%20%26%20B", "7", THERAPIST))
        again = psymatch.Event.parse(text)
        self.assertEqual((again.id, again.timestamp_us, again.version, again.producer, again.causation_id,
                          again.correlation_id, again.traceparent, again.tracestate, again.payload),
                         (ev.id, ev.timestamp_us, ev.version, ev.producer, ID, ev.id, TRACEPARENT, "a=b", THERAPIST))
        made["specversion"] = "0.3"
        with self.assertRaisesRegex(psymatch.VersionError, "CloudEvent: specversion"):
            psymatch.Event.parse(json.dumps(made))

    def test_the_older_wire_is_read_and_its_time_kept(self) -> None:
        ev = psymatch.Event.parse(ENVELOPE)
        self.assertEqual(ev.timestamp, datetime.datetime(2025, 8, 11, 9, 44, 0, 123456, datetime.timezone.utc))
        self.assertEqual(ev.key, "7")

    def test_an_alias_keeps_both_names(self) -> None:
        text = ENVELOPE.replace("therapist.unblocked", "communication.email_sent").replace(
            '{"therapist_id": 7, "therapist_data": {"id": 7}}', '{"email_id": 3, "email_data": {"patient_id": 5}}')
        ev = psymatch.Event.parse(text)
        self.assertEqual((ev.type, ev.type_as_sent), ("email.sent", "communication.email_sent"))


class Beside(unittest.TestCase):
    """What an event has beside its envelope."""

    def test_a_trace_is_set_and_replaced_as_a_whole(self) -> None:
        cause, story = (psymatch.Event.parse(ENVELOPE).id, "0198c0de-0000-7000-8000-000000000001")
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        ev = psymatch.Event.parse(ENVELOPE)
        self.assertEqual((ev.causation_id, ev.correlation_id, ev.traceparent), (None, None, None))
        ev.set_trace(cause, story, trace)
        self.assertEqual((ev.causation_id, ev.correlation_id, ev.traceparent), (cause, story, trace))
        with self.assertRaises(errors.InvalError):
            ev.set_trace(cause, story, trace.upper())
        self.assertEqual(ev.traceparent, trace)
        ev.set_trace(traceparent=trace, tracestate="a=1,b=2")
        self.assertEqual((ev.causation_id, ev.correlation_id, ev.traceparent), (None, None, trace))
        self.assertEqual(ev.tracestate, "a=1,b=2")
        ev.set_trace(traceparent=trace)
        self.assertIsNone(ev.tracestate)
        with self.assertRaises(errors.InvalError):
            ev.set_trace(tracestate="a=1")

    def test_an_event_that_was_not_received_has_no_origin(self) -> None:
        ev = psymatch.Event.parse(ENVELOPE)
        self.assertEqual((ev.topic, ev.partition, ev.offset), ("therapist-events", -1, -1))
        self.assertEqual((ev.attempt, ev.time_left_ms, ev.is_replay), (0, None, False))

    def test_upcast_keeps_who_and_when(self) -> None:
        old = psymatch.Event.parse(ENVELOPE)
        old.set_trace(causation_id=old.id)
        new = old.upcast("1.1", dict(THERAPIST, more=1))
        self.assertEqual((new.id, new.type, new.timestamp_us, new.producer, new.causation_id),
                         (old.id, old.type, old.timestamp_us, old.producer, old.id))
        self.assertEqual((new.version, new.payload["more"], old.version), ("1.1", 1, "1.0"))
        with self.assertRaises(errors.VersionError):
            old.upcast("2.0", THERAPIST)


class Refusals(unittest.TestCase):
    def test_broken_json_tells_where(self) -> None:
        with self.assertRaises(errors.ParseError) as e:
            psymatch.Event.parse('{\n  "event_id": nope}')
        self.assertEqual((e.exception.line, e.exception.column), (2, 15))

    def test_a_wrong_payload_names_the_pointer(self) -> None:
        bad = {"therapist_id": "seven", "therapist_data": {"id": 7}}
        with self.assertRaises(errors.SchemaError) as e:
            psymatch.Event.new("therapist.created", "therapist-service", bad)
        self.assertIn("therapist_id", e.exception.pointer)
        self.assertNotIn("seven", str(e.exception))

    def test_unknown_type_and_newer_major_version(self) -> None:
        with self.assertRaises(errors.UnknownTypeError):
            psymatch.Event.new("therapist.promoted", "therapist-service", {})
        with self.assertRaises(errors.VersionError):
            psymatch.Event.parse(ENVELOPE.replace('"1.0"', '"2.0"'))

    def test_nan_is_refused_before_it_travels(self) -> None:
        with self.assertRaises(ValueError):
            psymatch.Event.new("therapist.created", "therapist-service", {"therapist_id": float("nan")})


class Catalogue(unittest.TestCase):
    def test_every_row_can_be_read(self) -> None:
        rows = {t.name: t for t in psymatch.catalogue()}
        self.assertGreaterEqual(len(rows), 20)
        self.assertEqual(rows["therapist.blocked"].topic, "therapist-events")
        self.assertIn("matching-service", rows["therapist.blocked"].consumers)
        self.assertNotIn("matching-service", rows["therapist.blocked"].planned)
        self.assertNotIn("geocoding-service", rows["email.sent"].consumers)
        self.assertIn("communication.email_sent", rows["email.sent"].aliases)
        self.assertTrue(rows["communication.send_email"].is_command)
        self.assertEqual(rows["communication.schedule_call"].key_other, "patient_id")
        self.assertIsNone(rows["email.sent"].note)

    def test_every_topic_has_partitions(self) -> None:
        topics = psymatch.topics()
        self.assertEqual(set(topics), {t.topic for t in psymatch.catalogue()})
        self.assertTrue(all(count >= 1 for count in topics.values()))


class ErrorTable(unittest.TestCase):
    def test_one_class_per_code(self) -> None:
        self.assertEqual(errors.BY_CODE[-6].__name__, "FullError")
        self.assertIs(errors.TooLargeError, errors.BY_CODE[-7])
        self.assertEqual(len({c.__name__ for c in errors.BY_CODE.values()}), len(errors.BY_CODE))
        for name in errors.BY_CODE.values():
            self.assertTrue(issubclass(name, psymatch.PsmError))


if __name__ == "__main__":
    unittest.main()
