# SPDX-License-Identifier: BSD-2-Clause
"""check_cloudevents.py RECORDS DIR: the SDK of CloudEvents (PyPI: cloudevents)
reads what the library writes and the library what the SDK writes, in both
forms; RECORDS is the program of tests/cloudevent_records.c, DIR has events.
"""
import datetime
import json
import os
import subprocess
import sys

from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

records, directory = sys.argv[1:]
CAUSE = "0198c0de-0000-7000-8000-00000000000a"
STORY = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACES = {"causation_id": CAUSE, "correlation_id": STORY, "traceparent": TRACE, "tracestate": "a=b"}
failures = []
compared = 0


def same(found, wanted, where):
    global compared
    compared += 1
    if found != wanted:
        failures.append(f"{where}: want {wanted!r}, found {found!r}")


def run(lines, *arguments):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([records, *arguments], input=text, capture_output=True, encoding="utf-8", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def load():
    """Events of known types as envelopes; members that nobody knows do not travel."""
    names = ["event_id", "event_type", "version", "timestamp", "producer", "payload"]
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name, "input"), encoding="utf-8") as file:
            event = json.load(file)
        event = {{"eventId": "event_id", "eventType": "event_type"}.get(key, key): value for key, value in event.items()}
        event = {key: event[key] for key in names}
        if event["event_type"] != "invoice.paid":  # it has no key
            yield event
            yield {**event, "producer": "Praxis Müller & Söhne: 100 %"}


def time_of(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


def message_of(record):
    headers = {name: value.encode() for name, value in record["headers"].items()}
    return kafka.KafkaMessage(headers=headers, key=record["key"], value=record["value"].encode())


def record_of(message):
    return {"key": None, "value": message.value.decode(),
            "headers": {name: value.decode() for name, value in message.headers.items()}}


def check_attributes(made, event, where):
    same(made.get_id(), event["event_id"], f"{where}: id")
    same(made.get_type(), event["event_type"], f"{where}: type")
    same(made.get_specversion(), "1.0", f"{where}: specversion")
    same(made.get_time(), time_of(event["timestamp"]), f"{where}: time")
    same(made.get_subject(), made.get_extension("partitionkey"), f"{where}: subject")
    same(made.get_datacontenttype(), "application/json", f"{where}: datacontenttype")
    same(made.get_extension("schemaversion"), event["version"], f"{where}: schemaversion")
    same(made.get_extension("causationid"), CAUSE, f"{where}: causationid")
    same(made.get_extension("correlationid"), STORY, f"{where}: correlationid")
    same(made.get_data(), event["payload"], f"{where}: data")


def check_event(line, event, where):
    if "event" not in line:
        failures.append(f"{where}: {line}")
        return
    found = line["event"]
    same({**found, "timestamp": time_of(found["timestamp"])},
         {**event, "timestamp": time_of(event["timestamp"])}, where)
    same({name: line[name] for name in TRACES}, TRACES, f"{where}: trace")


events = list(load())
for wire, reads in (("cloudevents", kafka.from_structured), ("cloudevents-binary", kafka.from_binary)):
    written = run(events, "write", wire)
    same(len(written), len(events), wire)
    for event, record in zip(events, written):
        message = message_of(record)
        check_attributes(reads(message, JSONFormat()), event, f"{wire} of ours")
        check_attributes(kafka.from_kafka_event(message), event, f"{wire} of ours, by its headers")
    # What the SDK makes of ours, and back.
    for name, writes in (("structured", kafka.to_structured_event), ("binary", kafka.to_binary_event)):
        again = []
        for record in written:
            made = reads(message_of(record), JSONFormat())
            attributes = {key: value for key, value in made.get_attributes().items() if value is not None}
            attributes.update(traceparent=TRACE, tracestate="a=b")
            again.append(record_of(writes(CloudEvent(attributes, made.get_data()))))
        for event, line in zip(events, run(again, "read")):
            check_event(line, event, f"{name} of the SDK, from {wire}")

# What a program that knows only the SDK would send; and what it may not.
plain = {"id": CAUSE, "type": "communication.send_email", "source": "https://example.org/mails",
         "time": datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.timezone.utc)}
cases = [
    ({}, {"email_id": 7}, None),
    ({"datacontenttype": "application/json", "partitionkey": "9"}, {"email_id": 7}, None),
    ({}, b'{"email_id": 7}', None),
    ({"id": "7"}, {"email_id": 7}, "CloudEvent: event_id: want a UUID, found another text"),
    ({"type": "com.example.sent"}, {"email_id": 7}, "CloudEvent: event_type: want"),
    ({"datacontenttype": "text/plain"}, "seven", "CloudEvent: datacontenttype: want application/json"),
    ({}, {"email_id": "x"}, "CloudEvent: "),
]
for writes in (kafka.to_structured_event, kafka.to_binary_event):
    for change, data, message in cases:
        attributes = {key: value for key, value in {**plain, **change}.items() if value is not None}
        (line,) = run([record_of(writes(CloudEvent(attributes, data)))], "read")
        if message:
            same(line.get("message", "")[:len(message)], message, writes.__name__)
        else:
            same(line.get("event", line).get("payload"), {"email_id": 7}, writes.__name__)
            same(line.get("event", line).get("producer"), "https://example.org/mails", writes.__name__)

# The attribute's header is none of the binding, which has content-type for it.
message = kafka.to_binary_event(CloudEvent({**plain, "datacontenttype": "application/json"}, {"email_id": 7}))
record = record_of(message)
for name in ("ce_datacontenttype", "CE_DataContentType"):
    for value in ("application/json", "text/plain"):
        (line,) = run([{**record, "headers": {**record["headers"], name: value}}], "read")
        same(line.get("event", line).get("payload"), {"email_id": 7}, name)

for failure in failures[:20]:
    print(f"FAIL: {failure}")
print(f"{len(events)} events, {compared} comparisons, {len(failures)} failures")
sys.exit(1 if failures or compared < 500 else 0)
