# SPDX-License-Identifier: BSD-2-Clause
"""Events that are not lost: the Python face of libpsymatch.

PSYMATCH_LIBRARY names the shared library if it is not in the usual place.
"""
from . import errors
from ._lib import lib
from .bus import AMBER, GREEN, RED, Config, Consumer, Producer, Retry, Transport
from .compat import EventSchema, KafkaConsumer, RobustKafkaProducer
from .entity import Entity, Field, entities
from .errors import PsmError
from .event import CAMEL, SNAKE, Event, EventType, catalogue, topics
from .log import log_to_stderr
from .store import Store, Transaction

__version__ = lib.psm_version().decode()
__all__ = [
    "AMBER", "CAMEL", "Config", "Consumer", "Entity", "Event", "EventSchema",
    "EventType", "Field", "GREEN", "KafkaConsumer", "Producer", "PsmError", "RED",
    "Retry", "RobustKafkaProducer", "SNAKE", "Store", "Transaction",
    "Transport", "catalogue", "entities", "errors", "log_to_stderr", "topics",
]
