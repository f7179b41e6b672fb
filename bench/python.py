#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The Python package beside confluent-kafka-python, on a real broker, in one run:

    build-aux/with-kafka bench/python.py [--count N] [--rounds N] [--durability os|disk]

The same work by both: a dict becomes JSON and is produced until the broker has
acknowledged it, and is consumed and read into a dict again. Ours also checks the
events, writes them ahead (spool) and keeps the order of keys. Rounds of both in
turn; ratios of neighbours, their median, beside the CPU time of the process. Without
a broker (--memory) only ours, on the transport memory.
"""
import argparse
import importlib
import json
import os
import statistics
import tempfile
import time
from typing import Any, Callable, Tuple

import psymatch

TOPIC, OTHER, PARTITIONS, KEYS = "therapist-events", "bench-confluent", 3, 1000
THERAPIST = {
    "id": 7, "anrede": "Frau", "geschlecht": "weiblich", "titel": "Dr.", "vorname": "Berta", "nachname": "Musterbaum",
    "strasse": "Hauptstr. 1", "plz": "10115", "ort": "Berlin", "telefon": "030 123456", "email": "praxis@example.org",
    "kassensitz": True, "status": "aktiv", "psychotherapieverfahren": "Verhaltenstherapie"}
Figures = Tuple[float, float]  # events per second, microseconds of CPU per event


class Clock:
    """From its making on, or from start()."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def figures(self, count: int) -> Figures:
        return (count / (time.perf_counter() - self.wall), (time.process_time() - self.cpu) / count * 1e6)


def confluent(name: str) -> Any:
    """A module of it, without which the types of this program can be checked."""
    return importlib.import_module(name)


def payload(number: int) -> "dict[str, Any]":
    return {"therapist_id": number % KEYS + 1, "therapist_data": THERAPIST}


def produce_ours(transport: psymatch.Transport, config: psymatch.Config, count: int) -> Figures:
    with psymatch.Producer(transport, config) as producer:
        clock = Clock()
        for number in range(count):
            while True:
                try:
                    producer.send_new("therapist.updated", "bench", payload(number))
                    break
                except psymatch.FullError:
                    time.sleep(0.001)
        assert producer.flush(600000) == 0
        return clock.figures(count)


def consume_ours(transport: psymatch.Transport, config: psymatch.Config, count: int, group: str) -> Figures:
    seen = 0

    def handle(event: psymatch.Event) -> None:
        nonlocal seen
        seen += event.payload["therapist_data"]["id"] == 7

    with psymatch.Consumer(group, [TOPIC], transport, config) as consumer:
        consumer.on("*", handle)
        while not seen:
            consumer.poll(100)
        clock, first = Clock(), seen
        while seen < count:
            consumer.poll(1000)
        return clock.figures(max(1, seen - first))


def produce_theirs(servers: str, count: int) -> Figures:
    producer = confluent("confluent_kafka").Producer({"bootstrap.servers": servers, "acks": "all", "queue.buffering.max.messages": 1000000,
                         "compression.type": "none"})
    failed: "list[Any]" = []
    clock = Clock()
    for number in range(count):
        value = json.dumps({"event_id": "01a22bec-5117-7560-a849-435a31ceeb55", "event_type": "therapist.updated",
                            "version": "1.0", "timestamp": "2026-03-01T10:00:00.000000Z", "producer": "bench",
                            "payload": payload(number)})
        while True:
            try:
                producer.produce(OTHER, value, str(number % KEYS + 1),
                                 on_delivery=lambda error, _message: failed.append(error) if error else None)
                break
            except BufferError:
                producer.poll(0.01)
        producer.poll(0)
    assert producer.flush(600) == 0 and not failed
    return clock.figures(count)


def consume_theirs(servers: str, count: int, group: str) -> Figures:
    consumer = confluent("confluent_kafka").Consumer({"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([OTHER])
    seen, clock, first = 0, Clock(), 0
    while seen < count:
        for message in consumer.consume(500, 1.0):
            assert not message.error()
            seen += json.loads(message.value())["payload"]["therapist_data"]["id"] == 7
        if seen and not first:
            clock.start()
            first = seen
    figures = clock.figures(seen - first)
    consumer.close()
    return figures


def create_topics(servers: str) -> None:
    module = confluent("confluent_kafka.admin")
    admin = module.AdminClient({"bootstrap.servers": servers})
    for made in admin.create_topics([module.NewTopic(name, PARTITIONS, 1) for name in (TOPIC, OTHER)]).values():
        made.result()


def show(what: str, ours: "list[Figures]", theirs: "list[Figures]") -> None:
    rate, cpu = (statistics.median(column) for column in zip(*ours))
    line = "%-8s ours %8.0f/s %5.1f us" % (what, rate, cpu)
    if theirs:
        other, other_cpu = (statistics.median(column) for column in zip(*theirs))
        ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
        line += "   confluent-kafka %8.0f/s %5.1f us   ratio %.2f (%.2f to %.2f), of CPU %.2f" % (
            other, other_cpu, statistics.median(ratios), min(ratios), max(ratios), other_cpu / cpu)
    print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--durability", choices=("os", "disk"), default="os")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    servers = "" if options.memory else os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    if servers:
        create_topics(servers)
    table: "dict[str, tuple[list[Figures], list[Figures]]]" = {"produced": ([], []), "consumed": ([], [])}
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            config = psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR=folder, PSYMATCH_KAFKA_compression_codec="none",
                                     PSYMATCH_SPOOL_DURABILITY=options.durability)
            if servers:
                config["KAFKA_BOOTSTRAP_SERVERS"] = servers
            transport = psymatch.Transport(config) if servers else psymatch.Transport.memory(PARTITIONS)
            group = "ours-%d" % number
            steps: "list[tuple[str, int, Callable[[], Figures]]]" = [
                ("produced", 0, lambda: produce_ours(transport, config, options.count)),
                ("consumed", 0, lambda: consume_ours(transport, config, options.count, group))]
            if servers:
                steps[1:1] = [("produced", 1, lambda: produce_theirs(servers, options.count))]
                steps += [("consumed", 1, lambda: consume_theirs(servers, options.count, "theirs-%d" % number))]
            for what, side, work in steps:
                table[what][side].append(work())
    for what, (ours, theirs) in table.items():
        show(what, ours, theirs)


if __name__ == "__main__":
    main()
