# SPDX-License-Identifier: BSD-2-Clause
"""Events that are not lost: the Python face of libpsymatch.

PSYMATCH_LIBRARY names the shared library if it is not in the usual place. What
the library has to say goes to logging's logger "psymatch".
"""
from . import bundle, calls, errors, geo, imports, inquiries, jobs, log, mails, patients, reports, searches
from ._lib import lib
from .compat import EventSchema, KafkaConsumer, RobustKafkaProducer
from .config import Config
from .consumer import Consumer
from .entity import Entity, Field, entities
from .errors import PsmError, Reject, Retry
from .event import CAMEL, SNAKE, Event, EventType, catalogue, topics
from .health import AMBER, GREEN, RED
from .log import log_to_stderr
from .producer import Producer, Receipt
from .program import Program
from .store import Store, Transaction
from .transport import Transport

# Every exception under the name that it prints: psymatch.ParseError, ...
globals().update(errors.BY_NAME)

__version__ = lib.psm_version().decode()
__all__ = [
    "AMBER", "CAMEL", "Config", "Consumer", "Entity", "Event", "EventSchema",
    "EventType", "Field", "GREEN", "KafkaConsumer", "Producer", "Program",
    "PsmError", "RED", "Receipt", "Reject", "Retry", "RobustKafkaProducer",
    "SNAKE", "Store", "Transaction", "Transport", "bundle", "calls", "catalogue",
    "entities", "errors", "geo", "imports", "inquiries", "jobs", "log",
    "log_to_stderr", "mails", "patients", "reports", "searches", "topics",
]
