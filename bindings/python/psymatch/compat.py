# SPDX-License-Identifier: BSD-2-Clause
"""The platform's earlier Python classes, on top of this library.

A service that used RobustKafkaProducer, KafkaConsumer and EventSchema changes
its import and nothing else. What differs is what was broken: an accepted event
is on disk (PSYMATCH_SPOOL_DIR, unset: the user's state directory) before
send_event() returns, and is sent after a restart if not before; order per key
holds; a failed handler gets its event again; a bad message stops nothing.
"""
from __future__ import annotations

import datetime
import json
import logging
import threading
from typing import Any, Callable, Iterable, Mapping

from . import log
from .config import Config
from .consumer import Consumer
from .errors import BY_NAME, PsmError
from .event import CAMEL, Event
from .producer import Producer
from .transport import Transport


class EventSchema:
    """An event with the attributes the earlier class had; id and time are those
    of its making.

    >>> event = psymatch.EventSchema("email.send", {"email_id": 7}, "example")
    >>> psymatch.EventSchema.from_json(event.to_json()).event_id == event.event_id
    True
    >>> psymatch.EventSchema.from_dict(event.to_dict()).payload
    {'email_id': 7}
    """

    def __init__(self, event_type: str, payload: Mapping[str, Any], producer: str, version: str = "1.0", event_id: str | None = None,
                 timestamp: str | datetime.datetime | None = None) -> None:
        made = Event.new(event_type, producer, payload)
        self.event_type, self.payload, self.producer, self.version = event_type, payload, producer, version
        self.event_id = event_id or made.id
        self.timestamp = timestamp or _iso(made)

    @classmethod
    def _of(cls, event: Event) -> EventSchema:
        self = cls.__new__(cls)
        self.event_type, self.payload, self.producer = event.type_as_sent, event.payload, event.producer
        self.version, self.event_id, self.timestamp = event.version, event.id, _iso(event)
        return self

    @classmethod
    def from_json(cls, text: str | bytes) -> EventSchema:
        """Read an envelope, in either spelling."""
        return cls._of(Event.parse(text))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EventSchema:
        """As from_json(), of a dict."""
        return cls.from_json(json.dumps(data))

    def _event(self) -> Event:
        """Checked again: the attributes may have been changed."""
        made = json.loads(Event.new(self.event_type, self.producer, self.payload).encode(CAMEL))
        made.update(eventId=self.event_id, version=self.version,
                    timestamp=self.timestamp if isinstance(self.timestamp, str) else self.timestamp.isoformat())
        return Event.parse(json.dumps(made))

    def to_dict(self) -> dict[str, Any]:
        """The envelope as a dict; SchemaError if the attributes are not valid any more."""
        made: dict[str, Any] = json.loads(self.to_json())
        return made

    def to_json(self) -> str:
        """The envelope as text."""
        return self._event().encode(CAMEL).decode()

    def __repr__(self) -> str:
        return "<EventSchema %s %s>" % (self.event_type, self.event_id)


def _iso(event: Event) -> str:
    return str(json.loads(event.encode(CAMEL))["timestamp"])


def _config(config: Config | None, bootstrap_servers: Any) -> Config:
    """Settings of our own: the caller's stay as they are."""
    config = config.copy() if config is not None else Config()
    if bootstrap_servers:
        if not isinstance(bootstrap_servers, str):
            bootstrap_servers = ",".join(bootstrap_servers)
        config["KAFKA_BOOTSTRAP_SERVERS"] = bootstrap_servers
    return config


class RobustKafkaProducer:
    """send_event() returns True once the event is accepted, and means it.

    >>> config = psymatch.Config(PSYMATCH_TRANSPORT="memory", PSYMATCH_SPOOL_DIR="none")
    >>> producer = psymatch.RobustKafkaProducer(service_name="example", config=config)
    >>> producer.send_event("email-commands", "email.send", {"email_id": 7}), producer.flush()
    (True, True)
    >>> producer.close()
    """

    def __init__(self, bootstrap_servers: str | Iterable[str] | None = None, service_name: str = "unknown-service", transport: Transport | None = None,
                 config: Config | None = None) -> None:
        self.service_name = service_name
        config = _config(config, bootstrap_servers)
        config["PSYMATCH_WIRE"] = "camel"
        self._producer = Producer(transport, config)

    def send_event(self, topic: str, event_type: str, payload: Mapping[str, Any], key: str | None = None) -> bool:
        """True: accepted. False: refused, and an error in the log says why. key
        is accepted for the earlier signature; the catalogue decides it."""
        try:
            event = Event.new(event_type, self.service_name, payload)
            if key is not None and str(key) != event.key:
                raise BY_NAME["InvalError"]("key: want %s, got another" % event.key)
            self._producer.send(event, topic)
        except (PsmError, TypeError, ValueError) as e:
            log.say(logging.ERROR, "an event was not accepted", {
                "type": str(event_type)[:80], "topic": str(topic)[:80], "exception": type(e).__name__,
                "reason": str(e) if isinstance(e, PsmError) else "", "pointer": getattr(e, "pointer", "")})
            return False
        return True

    def flush(self, timeout: float | None = None) -> bool:
        """Seconds, 10 unless told otherwise. True: everything is sent."""
        return self._producer.flush(int(1000 * (10 if timeout is None else timeout))) == 0

    def close(self) -> None:
        """What is not sent within 10 s stays for the next start."""
        self._producer._close_and_tell(10000)

    def __enter__(self) -> RobustKafkaProducer:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()


class KafkaConsumer:
    """process_events(handler, types) blocks and never gives up on the broker. A
    handler that raises gets the event again.

    >>> config = psymatch.Config(PSYMATCH_TRANSPORT="memory", PSYMATCH_SPOOL_DIR="none")
    >>> consumer = psymatch.KafkaConsumer(["email-commands"], "group", config=config)
    >>> consumer.close()  # by another thread: process_events() ends
    >>> consumer.process_events(lambda event: print(event.payload), ["email.send"])
    """

    def __init__(self, topics: str | Iterable[str], group_id: str, bootstrap_servers: str | Iterable[str] | None = None, transport: Transport | None = None,
                 config: Config | None = None) -> None:
        config = _config(config, bootstrap_servers)
        if isinstance(topics, str):
            topics = [topics]
        self._consumer = Consumer(group_id, topics, transport if transport is not None else Transport(config), config)
        self._end = threading.Event()

    def process_events(self, handler: Callable[[EventSchema], object], event_types: Iterable[str] | None = None) -> None:
        """Until close(), or until a handler raises what is no Exception."""
        for event_type in event_types or ["*"]:
            self._consumer.on(event_type, lambda event: handler(EventSchema._of(event)))
        try:
            while not self._end.is_set():
                self._consumer.poll(200)
        finally:
            self._consumer.close()

    def close(self) -> None:
        """Ask a running process_events() to end."""
        self._end.set()

    def __enter__(self) -> KafkaConsumer:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
