# SPDX-License-Identifier: BSD-2-Clause
"""The platform's earlier Python classes, on top of this library.

A service that used RobustKafkaProducer, KafkaConsumer and EventSchema changes
its import and nothing else. What differs is what was broken: an accepted event
is on disk (PSYMATCH_SPOOL_DIR) before send_event() returns, order per key
holds, a failed handler is retried or reported, a bad message stops nothing.
"""
import json
import threading

from .bus import CAMEL_WIRE, Config, Consumer, Producer, Transport
from .errors import PsmError
from .event import CAMEL, Event


class EventSchema:
    """An event with the attributes the earlier class had."""

    def __init__(self, event_type, payload, producer, version="1.0", event_id=None, timestamp=None):
        self.event_type, self.payload, self.producer = event_type, payload, producer
        self.version, self.event_id, self.timestamp = version, event_id, timestamp

    @classmethod
    def _of(cls, event):
        return cls(event.type_as_sent, event.payload, event.producer, event.version, event.id,
                   event.timestamp.isoformat())

    @classmethod
    def from_json(cls, text):
        return cls._of(Event.parse(text))

    def to_dict(self):
        event = Event.new(self.event_type, self.producer, self.payload)
        data = json.loads(event.encode(CAMEL))
        if self.event_id:
            data["eventId"] = self.event_id
        if self.timestamp:
            data["timestamp"] = self.timestamp
        return data

    def to_json(self):
        return json.dumps(self.to_dict())


def _config(bootstrap_servers):
    config = Config()
    if bootstrap_servers:
        if not isinstance(bootstrap_servers, str):
            bootstrap_servers = ",".join(bootstrap_servers)
        config["KAFKA_BOOTSTRAP_SERVERS"] = bootstrap_servers
    return config


class RobustKafkaProducer:
    """send_event() returns True once the event is accepted, and means it."""

    def __init__(self, bootstrap_servers=None, service_name="unknown-service", transport=None, config=None):
        self.service_name = service_name
        config = config or _config(bootstrap_servers)
        config["PSYMATCH_WIRE"] = CAMEL_WIRE
        self._producer = Producer(transport, config)

    def send_event(self, topic, event_type, payload, key=None):
        """key is accepted for the earlier signature; the catalogue decides it."""
        event = Event.new(event_type, self.service_name, payload)
        if key is not None and str(key) != event.key:
            raise PsmError("key: want %s, got another" % event.key)
        self._producer.send(event, topic)
        return True

    def flush(self, timeout=None):
        return self._producer.flush(int(1000 * (10 if timeout is None else timeout))) == 0

    def close(self):
        self._producer.close()


class KafkaConsumer:
    """process_events(handler, types) blocks and never gives up on the broker."""

    def __init__(self, topics, group_id, bootstrap_servers=None, transport=None, config=None):
        config = config or _config(bootstrap_servers)
        self._consumer = Consumer(group_id, topics, transport or Transport(config), config)
        self._stop = threading.Event()

    def process_events(self, handler, event_types=None):
        for event_type in event_types or ["*"]:
            self._consumer.on(event_type, lambda event: handler(EventSchema._of(event)))
        while not self._stop.is_set():
            self._consumer.poll(200)
        self._consumer.close()

    def close(self):
        """Ask a running process_events() to end."""
        self._stop.set()
