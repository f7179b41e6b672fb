# SPDX-License-Identifier: BSD-2-Clause
"""Where events travel."""
from __future__ import annotations

import ctypes
from typing import Any

from ._handle import Handle
from ._json import taken
from ._lib import lib
from ._text import int32, int64
from .config import Config
from .errors import check, make


class Transport(Handle):
    """What PSYMATCH_TRANSPORT names, or memory (for tests).

    >>> psymatch.Transport.memory(partitions=1).name
    'memory'
    >>> psymatch.Transport.memory().lag("readers")
    Traceback (most recent call last):
    ...
    psymatch.NotFoundError: the group readers has read nothing yet
    """

    def __init__(self, config: Config | None = None) -> None:
        config = config if config is not None else Config()
        self._own(make(lib.psm_transport_open, config._handle), lib.psm_transport_unref)

    @classmethod
    def memory(cls, partitions: int = 3) -> Transport:
        """Topics within this process, gone at its end."""
        self = cls.__new__(cls)
        self._own(make(lib.psm_transport_memory, int32(partitions, "partitions")), lib.psm_transport_unref)
        return self

    @property
    def name(self) -> str:
        """kafka, memory or postgres"""
        return str(lib.psm_transport_name(self._handle).decode())

    def lag(self, group: str, timeout_ms: int = 10000) -> int:
        """Messages that the group of a consumer or processor has yet to read; NotFoundError: it has read nothing."""
        found = ctypes.c_int64()
        check(lib.psm_transport_lag, self._handle, group.encode(), int32(timeout_ms, "timeout_ms"), ctypes.byref(found))
        return found.value


def _topics(function: Any, config: Any, partitions: Any, replication: Any, retention_s: Any, timeout_ms: Any) -> dict[str, Any]:
    config = config if config is not None else Config()
    out = make(function, config._handle, int32(partitions, "partitions"),
               int32(replication, "replication"), int64(retention_s, "retention_s"),
               int32(timeout_ms, "timeout_ms"))
    return taken(out)


def plan_topics(config: Config | None = None, partitions: int = 0, replication: int = 0, retention_s: int = 0,
                timeout_ms: int = 60000) -> dict[str, Any]:
    """The topics of the catalogue against those of a Kafka cluster, as
    psm_topics(3) has it: {"brokers", "topics": [{"topic", "state", ..}]}. 0: the
    usual number. TimeoutError, BrokerError.

    >>> plan_topics(psymatch.Config(from_env=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"), timeout_ms=10)
    Traceback (most recent call last):
    ...
    psymatch.TimeoutError: ...
    """
    return _topics(lib.psm_topics_plan, config, partitions, replication, retention_s, timeout_ms)


def apply_topics(config: Config | None = None, partitions: int = 0, replication: int = 0, retention_s: int = 0,
                 timeout_ms: int = 60000) -> dict[str, Any]:
    """The same, after those that were missing were created."""
    return _topics(lib.psm_topics_apply, config, partitions, replication, retention_s, timeout_ms)
