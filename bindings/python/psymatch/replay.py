# SPDX-License-Identifier: BSD-2-Clause
"""Topics read again: psm_replay(3)."""
from __future__ import annotations

import datetime
from typing import Any, Callable, TYPE_CHECKING

from ._handle import Handle
from ._lib import callbacks, lib
from ._text import int32, int64, milliseconds, utf8, utf8_or_none
from .consumer import Options, _event_call, _State, upcaster
from .errors import PsmError, check, make

if TYPE_CHECKING:
    from .event import Event
    from .transport import Transport

END = 2 ** 63 - 1
_NO_HANDLER = callbacks["psm_event_fn"]()


class _Rest:
    """Calls the handler of the run."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def __call__(self, event: Any) -> Any:
        return self._handler[0](event)


class Replay(Handle):
    """Reads a topic, or a part of it, from its beginning; no consumer notices.

    In a handler psymatch.Event.is_replay is True, and a Producer refuses to
    send. Threads: one at a time.

    >>> transport = psymatch.Transport.memory()
    >>> with psymatch.Producer(transport, psymatch.Config(PSYMATCH_SPOOL_DIR="none")) as producer:
    ...     producer.send_new("email.send", "example", {"email_id": 7})
    >>> replay = psymatch.Replay(transport, "email-commands")
    >>> replay.run(lambda event: print(event.key, event.is_replay, psymatch.replaying()))
    7 True True
    1
    >>> import datetime
    >>> replay.between(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    >>> replay.offsets(0)
    >>> replay.only(type="email.send", key="8")
    >>> replay.on("email.send", print)
    >>> replay.upcast("email.send", "0.9", "1.0", lambda event: event.payload)
    >>> replay.max_failures(3)
    >>> replay.may_send()
    >>> live = psymatch.Replay(transport, "email-commands")
    >>> live.follow()  # run() goes on until its handler raises
    >>> def stop(event):
    ...     raise SystemExit
    >>> live.run(stop)
    Traceback (most recent call last):
    ...
    SystemExit
    >>> replay.run(), replay.stat("handled")
    (0, 0)

    With a transaction, into the tables of a schema or into those of always:

    >>> store.shadow("again", ["public.note"])
    >>> with psymatch.Processor(store, "again", transport) as processor:
    ...     processor.on("email.send", lambda event, tx: tx.execute("INSERT INTO note VALUES ($1::int)", event.key))
    ...     replay = psymatch.Replay(transport, "email-commands")
    ...     replay.into_schema("again")  # or replay.into_live()
    ...     processor.replay(replay)
    >>> store.execute("SELECT id FROM again.note")
    [(7,)]
    >>> store.shadow_drop("again")
    """

    def __init__(self, transport: Transport, topic: str) -> None:
        self._callbacks: list[Any] = []
        self._state = _State()
        self._own(make(lib.psm_replay_new, transport._handle, utf8(topic, "topic")), _freeing(self._callbacks),
                  transport)

    def between(self, start: datetime.datetime | None = None, end: datetime.datetime | None = None) -> None:
        """Only what was sent from a datetime on, and before another; both with a
        time zone."""
        check(lib.psm_replay_between, self._handle, _us(start, "start", 0), _us(end, "end", END))

    def offsets(self, partition: int, start: int = 0, end: int = END) -> None:
        """Only these offsets of one partition; end is behind the last one."""
        check(lib.psm_replay_offsets, self._handle, int32(partition, "partition"), int64(start, "start"),
              int64(end, "end"))

    def follow(self) -> None:
        """run() goes on with what is sent later, until the handler raises."""
        check(lib.psm_replay_follow, self._handle)

    def only(self, type: str | None = None, key: str | None = None) -> None:
        """Only events of a type, of a key, or both."""
        data = utf8_or_none(key, "key")
        check(lib.psm_replay_only, self._handle, utf8_or_none(type, "type"), data, len(data or b""))

    def on(self, type: str, handler: Callable[[Event], object], versions: tuple[str | None, str | None] = (None, None),
           deadline_ms: int = 30000) -> None:
        """handler(event) for run() without a handler."""
        options = Options(versions=versions, deadline_ms=deadline_ms)
        self._callbacks.append(self._call(handler, options))
        made = options.make()
        try:
            check(lib.psm_replay_on, self._handle, utf8(type, "type"), made, self._callbacks[-1], None)
        finally:
            lib.psm_handler_options_free(made)

    def _call(self, handler: Any, options: Any) -> Any:
        if not callable(handler):
            raise TypeError("handler: want a function, got %s" % handler.__class__.__name__)
        return callbacks["psm_event_fn"](_event_call(self._state, handler, options))

    def upcast(self, type: str, from_version: str, to_version: str, function: Callable[[Event], dict[str, Any] | Event]) -> None:
        """As Consumer.upcast(), for run()."""
        check(lib.psm_replay_upcast, self._handle,
              *upcaster(self._callbacks, self._state, type, from_version, to_version, function))

    def max_failures(self, count: int) -> None:
        """So many events may fail; without this the first one ends the replay."""
        check(lib.psm_replay_max_failures, self._handle, int64(count, "count"))

    def may_send(self) -> None:
        """Let handlers of run() send events."""
        check(lib.psm_replay_may_send, self._handle)

    def into_schema(self, schema: str) -> None:
        """For Processor.replay(): write to the tables of a schema made by
        Store.shadow()."""
        check(lib.psm_replay_into_schema, self._handle, utf8(schema, "schema"))

    def into_live(self) -> None:
        """For Processor.replay(): write to the tables that it always writes
        to."""
        check(lib.psm_replay_into_live, self._handle)

    def run(self, handler: Callable[[Event], object] | None = None, timeout_ms: int = 10000) -> int:
        """handler(event) for each event that no handler of on() is for; None:
        these are skipped. How many were handled. An exception of a handler ends
        it, as RejectError or RetryError; what is no Exception goes on."""
        if handler is not None:
            if self._rest is None:
                self._rest = []
                self.on("*", _Rest(self._rest))
            self._rest[:] = [handler]
        try:
            check(lib.psm_replay_run, self._handle, _NO_HANDLER, None, milliseconds(timeout_ms, "timeout_ms"))
        except PsmError:
            if self._state.raised is None:
                raise
        finally:
            raised, self._state.raised = self._state.raised, None
        if raised is not None:
            raise raised
        return self.stat("handled")

    _rest: Any = None

    def stat(self, name: str) -> int:
        """A number of the last run, as psm_replay_stat(3) names them."""
        number: int = lib.psm_replay_stat(self._handle, utf8(name, "name"))
        return number


def replaying() -> bool:
    """Whether a handler of a replay called this.

    >>> psymatch.replaying()
    False
    """
    return bool(lib.psm_replay_active())


def guard(effect: str) -> None:
    """To be called first by what acts outside of the database; effect is what it
    is about to do, "mail". StateError: this is a replay, do not.

    >>> psymatch.guard("mail")  # not in a replay: nothing happens
    """
    check(lib.psm_replay_guard, utf8(effect, "effect"))


def _us(value: Any, name: Any, default: Any) -> Any:
    if value is None:
        return default
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise TypeError("%s: want a datetime with a time zone" % name)
    return (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def _freeing(kept: Any) -> Any:
    def free(pointer: Any) -> None:
        lib.psm_replay_free(pointer)
        kept.clear()

    return free
