# SPDX-License-Identifier: BSD-2-Clause
"""Events that are not lost: the Python face of libpsymatch.

PSYMATCH_LIBRARY names the shared library if neither pkg-config nor ldconfig
knows it. What the library has to say goes to logging's logger "psymatch". The
environment says where events travel (PSYMATCH_TRANSPORT: kafka, postgres or
memory; KAFKA_BOOTSTRAP_SERVERS) and where PostgreSQL is (DB_HOST, DB_PORT,
DB_NAME, DB_USER, DB_PASSWORD); settings() lists all that it can say.
catalogue() lists the types of events.

To send; what send() has accepted is on disk, with or without a broker:

>>> event = psymatch.Event.new("search.status_changed", "example", {
...     "search_id": 7, "patient_id": 3, "old_status": None, "new_status": "aktiv"})
>>> with psymatch.Producer() as producer:
...     producer.send(event)

To handle, each event at least once, in order per key. An event is handled when
the loop asks for the next one; without timeout_ms, or with "for event in
consumer", the loop goes on until close():

>>> with psymatch.Consumer("example", ["matching-events"]) as consumer:
...     for event in consumer.events(timeout_ms=100):
...         print(event.type, event.key, event.payload["new_status"])

A change and its event in one transaction, and a handler whose effects happen
once. Such a program has an outbox and a processor, and needs PostgreSQL:

>>> with psymatch.App("example") as app:
...     @app.on("search.status_changed")
...     def handle(event, tx):
...         done = tx.execute("INSERT INTO note VALUES ($1)", event.payload["search_id"])
...         app.quit()
...     with app.store.transaction() as tx:
...         done = tx.execute("DELETE FROM note")
...         tx.emit(event)
...     app.run()  # until a signal, or quit()
>>> store.execute("SELECT id FROM note")
[(7,)]

Without a broker and a database, for tests:

>>> transport, config = psymatch.Transport.memory(), psymatch.Config(PSYMATCH_SPOOL_DIR="none")
>>> with psymatch.Producer(transport, config) as producer:
...     producer.send(event)
>>> with psymatch.Consumer("example", ["matching-events"], transport, config) as consumer:
...     consumer.on("search.status_changed", lambda event: print(event.key))
...     while not consumer.poll(1000): pass
7

psymatch.aio has producer and consumer for asyncio; psymatch.payloads and
psymatch.records have types for payloads and rows; the other modules are the
services of the platform.
"""
import importlib
from typing import TYPE_CHECKING, Any

from . import (aio, bundle, calls, clock, errors, geo, imports, inquiries, jobs, log, mails, metrics, patients, reports,
               searches, spool, therapists)
from ._lib import lib as lib
from ._version import VERSION
from .app import App
from .compat import EventSchema, KafkaConsumer, RobustKafkaProducer
from .config import Config, Setting, settings
from .consumer import Consumer
from .entity import Entity, Field, entities
from .errors import PsmError, Reject, Retry
from .event import CAMEL, CLOUDEVENTS, SNAKE, Event, EventType, PayloadField, catalogue, check_payload, event_type, topics
from .health import AMBER, GREEN, RED
from .log import log_to_stderr
from .producer import Producer, Receipt
from .processor import Processor, Relay
from .replay import Replay, guard, replaying
from .store import Store, Transaction
from .transport import Transport

if TYPE_CHECKING:
    from . import payloads, records
    from .errors import (AmbiguousError as AmbiguousError, BrokerError as BrokerError, ClosedError as ClosedError,
                         ConfigError as ConfigError, ConflictError as ConflictError, CorruptError as CorruptError,
                         DbError as DbError, FencedError as FencedError, FullError as FullError,
                         InvalError as InvalError, IoError as IoError, MediaTypeError as MediaTypeError,
                         NomemError as NomemError, NotFoundError as NotFoundError, ParseError as ParseError,
                         PreconditionError as PreconditionError, RejectError as RejectError, RetryError as RetryError,
                         SchemaError as SchemaError, StateError as StateError, TimeoutError as TimeoutError,
                         TooLargeError as TooLargeError, TransitionError as TransitionError,
                         UnavailableError as UnavailableError, UnconfirmedError as UnconfirmedError,
                         UnknownTypeError as UnknownTypeError, VersionError as VersionError)

# Every exception under the name that it prints: psymatch.ParseError, ...
globals().update(errors.BY_NAME)


def __getattr__(name: str) -> Any:
    """payloads and records: made when they are asked for, which takes some milliseconds."""
    if name in ("payloads", "records"):
        return importlib.import_module("." + name, __name__)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


__version__ = VERSION
__all__ = [
    "AMBER", "App", "CAMEL", "CLOUDEVENTS", "Config", "Consumer", "Entity", "Event",
    "EventSchema", "EventType", "Field", "GREEN", "KafkaConsumer",
    "PayloadField", "Processor", "Producer", "PsmError", "RED", "Receipt",
    "Reject", "Relay", "Replay", "Retry", "RobustKafkaProducer", "SNAKE",
    "Setting", "Store", "Transaction", "Transport", "aio", "bundle", "calls",
    "catalogue", "check_payload", "clock", "entities", "errors", "event_type",
    "geo", "guard", "imports", "inquiries", "jobs", "log", "log_to_stderr",
    "mails", "metrics", "patients", "payloads", "records", "replaying",
    "reports", "searches", "settings", "spool", "therapists", "topics",
]
