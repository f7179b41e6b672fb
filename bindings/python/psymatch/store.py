# SPDX-License-Identifier: BSD-2-Clause
"""PostgreSQL: transactions that emit events, waiting for consumers, dead letters."""
from __future__ import annotations

import ctypes
from typing import Any, Iterable

from ._handle import Handle
from ._json import taken
from ._lib import lib
from ._sql import parameter, take_rows
from ._text import array, int32, int64, milliseconds, utf8, utf8_list
from ._wait import pieces
from .config import Config
from .errors import BY_NAME, check, make
from .event import Event, _bytes_of
from .health import health
from .rows import Rows

DEAD, PARKED = 0, 1
_LIST = ("id", "consumer", "state", "type", "event_id", "topic", "partition", "offset", "key", "code", "reason",
         "attempts", "since", "next_at", "bytes", "edited")
_STATS = ("source", "consumer", "state", "code", "count", "oldest", "newest")


def _dicts(handle: Any, names: Any) -> list[dict[str, Any]]:
    return [dict(zip(names, row)) for row in take_rows(handle)]


def _parameters(params: Any) -> Any:
    return array([parameter(value, i + 1) for i, value in enumerate(params)])


class Transaction(Rows, Handle):
    """Of Store.transaction(): a with block commits at its end, or rolls back
    when it is left by an exception. One thread at a time.

    >>> with store.transaction() as tx:
    ...     tx.queue("INSERT INTO note VALUES ($1)", 70)
    ...     tx.execute("UPDATE note SET id = id + 1 WHERE id = $1", 70)
    ...     tx.set_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    ...     tx.emit(psymatch.Event.new("email.send", "example", {"email_id": 7}))
    ...     tx.wait_consumers(1000)  # the commit waits for them: here nobody is
    ...     tx.set_wait(1000)        # and for emit(event, required=["matching"])
    ...     tx.execute("SELECT id AS number FROM note WHERE id = $1", 71)[0]["number"]
    1
    71
    >>> tx = store.transaction()
    >>> tx.include()  # use cases of this thread are part of it
    >>> row = psymatch.patients.create(store, {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "A", "nachname": "B"})
    >>> tx.include(False)
    >>> tx.rollback()
    >>> psymatch.patients.get(store, row["id"])
    Traceback (most recent call last):
    ...
    psymatch.NotFoundError: ...
    >>> tx = store.transaction()
    >>> isinstance(tx, psymatch.Transaction), tx.commit()
    (True, None)

    Rows of the entities, as dicts or as psymatch.records has them:

    >>> with store.transaction() as tx:
    ...     row, version = tx.create("therapist", {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "B", "nachname": "C"})
    ...     row, version = tx.update("therapist", row["id"], {"titel": "Dr."}, if_version=version)
    ...     row, version = tx.act("therapist", row["id"], "block", {"reason": "on holiday"})
    ...     therapist, version = tx.get(psymatch.records.Therapist, row["id"])
    ...     found = tx.list("therapist", status="gesperrt", sort="-id", limit=1)["data"][0]["id"] == row["id"]
    ...     tx.delete("therapist", row["id"])
    >>> therapist.titel, therapist.sperrgrund, version, found
    ('Dr.', 'on holiday', 3, True)
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own(make(lib.psm_tx_begin, store._handle), lib.psm_tx_rollback, store)

    @property
    def _open(self) -> Any:
        if self._owner.pointer is None:
            raise ValueError("the transaction has ended")
        return self._handle

    def execute(self, sql: str, *params: object) -> Any:
        """One statement with $1, $2, ... for the parameters: its rows as a list
        of Row (row[0], row["name"]), values as Python has them; or, for a
        statement that gives none, how many it changed.

        Parameters: None, str, int, float, bool, Decimal, date, time, datetime,
        timedelta, UUID, bytes; dict and list for json and jsonb.
        """
        rows = ctypes.c_void_p()
        check(lib.psm_tx_exec, self._open, utf8(sql, "sql"), len(params), _parameters(params), ctypes.byref(rows))
        return take_rows(rows)

    def queue(self, sql: str, *params: object) -> None:
        """As execute() without waiting for the answer: if it fails, the next
        one does, or the commit."""
        check(lib.psm_tx_queue, self._open, utf8(sql, "sql"), len(params), _parameters(params))

    def emit(self, event: Event, required: Iterable[str] = ()) -> None:
        """Publish with the commit, which waits until the consumers named by
        required have handled it, or raises UnconfirmedError: the change is
        there, but not all of them have."""
        if not isinstance(event, Event):
            raise TypeError("event: want a psymatch.Event, got %s" % type(event).__name__)
        names = utf8_list(required, "required")
        if not names:
            check(lib.psm_tx_emit, self._open, event._handle)
        else:
            check(lib.psm_tx_emit_required, self._open, event._handle, array(names), len(names))

    def set_trace(self, traceparent: str, tracestate: str | None = None) -> None:
        """Events emitted from now on continue this trace, unless they have
        one."""
        check(lib.psm_tx_set_trace, self._open, utf8(traceparent, "traceparent"),
              utf8(tracestate, "tracestate") if tracestate else None)

    def set_wait(self, timeout_ms: int) -> None:
        """How long the commit waits for required consumers."""
        check(lib.psm_tx_set_wait, self._open, milliseconds(timeout_ms, "timeout_ms"))

    def wait_consumers(self, timeout_ms: int | None = None) -> None:
        """Let the commit wait until the living consumers of what was emitted
        have handled it; None: as long as PSYMATCH_REST_WAIT_MS says."""
        check(lib.psm_tx_wait_consumers, self._open,
              -1 if timeout_ms is None else milliseconds(timeout_ms, "timeout_ms"))

    def include(self, on: bool = True) -> None:
        """Make the transactions that this thread begins on the same store, so
        also those of use cases, parts of this one; False: not any more."""
        check(lib.psm_tx_include, self._open, 1 if on else 0)

    def commit(self) -> None:
        """Make the changes durable, and with them the events that were emitted."""
        handle = self._open
        self._owner.pointer = None  # taken, whatever becomes of it
        try:
            check(lib.psm_tx_commit, handle)
        finally:
            self._owner.forget()  # not before: a parent may wait for that to be freed

    def rollback(self) -> None:
        """Twice is once."""
        self._owner.drop()

    close = rollback

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        if kind is None and self._owner.pointer is not None:
            self.commit()
        else:
            self.rollback()


class Store(Handle):
    """A pool of connections to PostgreSQL. After a fork the child has a pool of
    its own at its first use. Threads: any.

    >>> with psymatch.Store() as other:  # as the environment says
    ...     other.migrate("psymatch")
    ...     assert other.migrated("psymatch")
    ...     other.maintain()
    ...     with other.transaction() as tx:
    ...         done = tx.execute("SELECT 1")
    ...     other.shadow("copy", ["public.note"])  # for Replay.into_schema()
    ...     other.shadow_drop("copy")
    ...     other.execute("SELECT $1::date AS day", "2026-01-31")[0]["day"], other.health()[0] == psymatch.GREEN
    (datetime.date(2026, 1, 31), True)
    >>> store.wait_handled(psymatch.Event.new("email.send", "example", {"email_id": 7}).id, "matching", timeout_ms=10)
    Traceback (most recent call last):
    ...
    psymatch.TimeoutError: ...

    Dead letters, and what is parked:

    >>> store.dead(consumer="nobody"), store.dead(psymatch.store.PARKED, consumer="nobody")
    ([], [])
    >>> done = store.execute("INSERT INTO psymatch.dead_letter (consumer, topic, raw, code, reason) VALUES "
    ...                      "('c', 'communication-events', '{', 'PSM_ERR_PARSE', 'want a member')")
    >>> letter = store.dead(consumer="c")[0]["id"]
    >>> store.dead_show(letter)["code"], store.dead_raw(letter), store.dead_stats()[0]["count"] > 0
    ('PSM_ERR_PARSE', b'{', True)
    >>> fixed = psymatch.Event.new("email.send", "example", {"email_id": 7}).encode()
    >>> store.dead_edit(letter, fixed, "anna", "was cut off")
    >>> store.dead_release(letter, "anna", "was cut off")  # its consumer handles it again
    >>> parked = store.dead(psymatch.store.PARKED, consumer="c")[0]["id"]
    >>> store.dead_skip(parked, "anna", "not needed", source=psymatch.store.PARKED)
    """

    def __init__(self, config: Config | None = None) -> None:
        self._config = config if config is not None else Config()
        self._open()

    def _open(self) -> None:
        self._own(make(lib.psm_store_open, self._config._handle), lib.psm_store_free)

    def _after_fork(self) -> None:
        self._open()

    def migrate(self, set: str = "psymatch") -> None:
        """Bring one set of tables up to date."""
        check(lib.psm_store_migrate, self._handle, utf8(set, "set"))

    def migrated(self, set: str = "psymatch") -> bool:
        """Whether migrate() would have nothing to do."""
        return bool(check(lib.psm_store_migrated, self._handle, utf8(set, "set")))

    def maintain(self) -> None:
        """The upkeep of the inbox, for programs without a relay."""
        check(lib.psm_store_maintain, self._handle)

    def health(self) -> tuple[int, str]:
        """(GREEN, AMBER or RED, one sentence)"""
        return health(lib.psm_store_health, self._handle)

    def transaction(self) -> Transaction:
        """A new Transaction, for a with block."""
        return Transaction(self)

    def execute(self, sql: str, *params: object) -> Any:
        """One statement in a transaction of its own; as Transaction.execute()."""
        rows = ctypes.c_void_p()
        check(lib.psm_store_exec, self._handle, utf8(sql, "sql"), len(params), _parameters(params), ctypes.byref(rows))
        return take_rows(rows)

    def wait_handled(self, event_id: str, consumer: str, timeout_ms: int = 5000) -> None:
        """Until the consumer's effects of the event are there; TimeoutError or
        RejectError if they are not."""
        of = utf8(event_id, "event_id"), utf8(consumer, "consumer")
        for piece in pieces(milliseconds(timeout_ms, "timeout_ms")):
            try:
                check(lib.psm_store_wait_handled, self._handle, *of, piece)
                return
            except BY_NAME["TimeoutError"] as e:
                late = e
        raise late

    def shadow(self, schema: str, tables: Iterable[str]) -> None:
        """Make a schema with empty copies of tables, for
        Replay.into_schema()."""
        names = utf8_list(tables, "tables")
        check(lib.psm_store_shadow, self._handle, utf8(schema, "schema"), array(names), len(names))

    def shadow_drop(self, schema: str) -> None:
        """Drop a schema that shadow() made, with all that is in it."""
        check(lib.psm_store_shadow_drop, self._handle, utf8(schema, "schema"))

    # -- dead letters and parked events: source is DEAD or PARKED

    def dead(self, source: int = DEAD, **filters: str | int) -> list[dict[str, Any]]:
        """Rows as dicts, without payloads; filters as psm_dead_list(3) has them."""
        pairs: list[Any] = [utf8(text if isinstance(text, str) else str(int64(text, name)), name)
                 for name, value in filters.items() for text in (name, value)] + [None]
        return _dicts(make(lib.psm_dead_list, self._handle, int32(source, "source"), array(pairs)), _LIST)

    def dead_stats(self) -> list[dict[str, Any]]:
        """How many of each kind, as dicts."""
        return _dicts(make(lib.psm_dead_stats, self._handle), _STATS)

    def dead_show(self, id: int, source: int = DEAD, payload: bool = False) -> dict[str, Any]:
        """One row with its history as a dict."""
        return taken(make(lib.psm_dead_show, self._handle, int32(source, "source"), int64(id, "id"), int(payload)))

    def dead_raw(self, id: int, source: int = DEAD) -> bytes | None:
        """The bytes that a release would use; None if there are none."""
        return _bytes_of(lib.psm_dead_raw, self._handle, int32(source, "source"), int64(id, "id")) or None

    def dead_edit(self, id: int, data: bytes, who: str, why: str, source: int = DEAD) -> None:
        """Other bytes (data) for a release."""
        if not isinstance(data, bytes):
            raise TypeError("data: want bytes, got %s" % type(data).__name__)
        check(lib.psm_dead_edit, self._handle, int32(source, "source"), int64(id, "id"), data, len(data),
              utf8(who, "who"), utf8(why, "why"))

    def dead_release(self, id: int, who: str, why: str, source: int = DEAD) -> None:
        """Let its consumer handle it again."""
        check(lib.psm_dead_release, self._handle, int32(source, "source"), int64(id, "id"), utf8(who, "who"),
              utf8(why, "why"))

    def dead_skip(self, id: int, who: str, why: str, source: int = DEAD) -> None:
        """Nobody is to handle it."""
        check(lib.psm_dead_skip, self._handle, int32(source, "source"), int64(id, "id"), utf8(who, "who"),
              utf8(why, "why"))
