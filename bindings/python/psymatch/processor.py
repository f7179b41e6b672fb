# SPDX-License-Identifier: BSD-2-Clause
"""Events handled once, and the outbox published, by parts: psymatch.App has all
of them for one program."""
from __future__ import annotations

import logging
import threading
from typing import Any, Callable, TYPE_CHECKING

from . import log
from ._handle import Handle
from ._lib import lib
from ._text import milliseconds, utf8
from .app import TxHandler, _State, register, serve
from .config import Config
from .consumer import Options, Registers, upcaster
from .errors import BY_NAME, PsmError, check, make
from .health import health
from .transport import Transport

if TYPE_CHECKING:
    from .event import Event
    from .replay import Replay
    from .store import Store

_EXIT_MS = 5000
_running: set[Any] = set()  # what runs is not collected


class _Worker(Handle):
    """Something with a thread of the library."""

    _start: Any
    _stop: Any
    _stat: Any
    _health: Any

    def start(self) -> None:
        """Begin, on a thread of its own."""
        pointer = self._handle
        check(self._start, pointer)
        self._close_at_exit()
        _running.add(self)

    def stop(self, timeout_ms: int = _EXIT_MS) -> None:
        """End what is under way and the thread. TimeoutError: it has not ended,
        call again."""
        check(self._stop, self._handle, milliseconds(timeout_ms, "timeout_ms"))
        _running.discard(self)

    def close(self) -> None:
        """stop() and free it. Twice is once."""
        self._refuse_in_handler()
        owner = self._owner
        if owner is not None and owner.pointer is not None and not owner._dropped and not self._is_inherited():
            while True:
                try:
                    self.stop()
                    break
                except BY_NAME["TimeoutError"]:
                    pass  # a handler still runs
        _running.discard(self)
        super().close()

    def _refuse_in_handler(self) -> None:
        pass

    def _at_exit(self) -> None:
        try:
            self.close()
        except PsmError as e:
            log.say(logging.ERROR, str(e), {})

    def stat(self, name: str) -> int:
        """A number about it, as the manual names them: psm_processor_stat(3),
        psm_relay_stat(3)."""
        number: int = self._stat(self._handle, utf8(name, "name"))
        return number

    def health(self) -> tuple[int, str]:
        """(GREEN, AMBER or RED, one sentence)"""
        return health(self._health, self._handle)


class Relay(_Worker):
    """Publishes what transactions emitted: psm_relay(3). Each database needs one
    that runs; of several one works.

    Threads: one at a time; stat() and health() any.

    >>> with psymatch.Relay(store, psymatch.Transport.memory()) as relay:
    ...     relay.start()
    ...     relay.stat("sent"), relay.health()[0] in (psymatch.GREEN, psymatch.AMBER)
    ...     relay.stop()
    (0, True)
    """

    _start, _stop, _stat, _health = lib.psm_relay_start, lib.psm_relay_stop, lib.psm_relay_stat, lib.psm_relay_health

    def __init__(self, store: Store, transport: Transport | None = None, config: Config | None = None) -> None:
        config = config if config is not None else Config()
        transport = transport if transport is not None else Transport(config)
        self._own(make(lib.psm_relay_new, store._handle, transport._handle, config._handle), lib.psm_relay_free, store,
                  transport)


class Processor(Registers[TxHandler], _Worker):
    """Calls handlers with an event and a transaction, each event once:
    psm_processor(3). What a handler raises decides as for a Consumer; also what
    is no Exception brings the event again.

    Threads: one at a time; stat() and health() any.

    >>> with psymatch.Processor(store, "example", psymatch.Transport.memory()) as processor:
    ...     processor.subscribe("email-commands")
    ...     @processor.on("email.send", on_failure="park", attempts=5)
    ...     def handle(event, tx):
    ...         tx.execute("INSERT INTO note VALUES ($1::int)", event.key)
    ...     processor.upcast("email.send", "0.9", "1.0", lambda event: event.payload)
    ...     processor.serve("patient", topic="therapist-events")
    ...     processor.start()
    ...     processor.stat("handled"), processor.health()[0] in (psymatch.GREEN, psymatch.AMBER)
    ...     processor.stop()  # processor.replay(): psymatch.Replay has an example
    (0, True)
    """

    _start, _stop, _stat, _health = (lib.psm_processor_start, lib.psm_processor_stop, lib.psm_processor_stat,
                                     lib.psm_processor_health)

    def __init__(self, store: Store, name: str, transport: Transport | None = None,
                 config: Config | None = None) -> None:
        config = config if config is not None else Config()
        transport = transport if transport is not None else Transport(config)
        self._callbacks: list[Any] = []
        self._state = _State()
        self._own(make(lib.psm_processor_new, store._handle, transport._handle, config._handle, utf8(name, "name")),
                  _freeing(self._callbacks), store, transport)

    def subscribe(self, topic: str) -> None:
        """Read this topic, too; without one, those of the handlers' types."""
        check(lib.psm_processor_subscribe, self._handle, utf8(topic, "topic"))

    def _register(self, type: str, handler: TxHandler, options: Options) -> None:
        register(self, self._handle, None, type, handler, options)

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[[Event], dict[str, Any] | Event]) -> None:
        """As Consumer.upcast()."""
        check(lib.psm_processor_upcast, self._handle,
              *upcaster(self._callbacks, None, type, from_version, to_version, function))

    def serve(self, service: str, topic: str | None = None) -> None:
        """As App.serve()."""
        serve(self._handle, service, topic)

    def replay(self, replay: Replay, timeout_ms: int = 10000) -> None:
        """Give what a Replay reads to the handlers, into the tables that its
        into_schema() or into_live() named. What was handled is in
        replay.stat()."""
        check(lib.psm_processor_replay, self._handle, replay._handle, milliseconds(timeout_ms, "timeout_ms"))

    def _refuse_in_handler(self) -> None:
        if threading.get_ident() in self._state.threads:
            raise BY_NAME["StateError"]("called by a handler of this processor")


def _freeing(kept: Any) -> Any:
    """Frees a processor whose callbacks stay until then."""

    def free(pointer: Any) -> None:
        lib.psm_processor_free(pointer)
        kept.clear()

    return free
