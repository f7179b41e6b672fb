# SPDX-License-Identifier: BSD-2-Clause
"""PostgreSQL: transactions that emit events, waiting for consumers, dead letters."""
import ctypes
import json

from ._lib import lib
from .bus import Config, _health
from .errors import ErrorSlot, check, make
from .rows import Rows

DEAD, PARKED = 0, 1
_LIST = ("id", "consumer", "state", "type", "event_id", "topic", "partition", "offset", "key", "code", "reason",
         "attempts", "since", "next_at", "bytes", "edited")
_STATS = ("source", "consumer", "state", "code", "count", "oldest", "newest")
_NUMBERS = {"id", "partition", "offset", "attempts", "bytes", "count"}


def _texts(values):
    """A C array of texts, None for null; keep what it borrows from."""
    return (ctypes.c_char_p * (len(values) or 1))(*(None if v is None else str(v).encode() for v in values))


def _rows(handle, width):
    """Takes the rows: a list of tuples of texts, None for null."""
    try:
        return [tuple(None if text is None else text.decode() for text in
                      (lib.psm_rows_text(handle, row, i) for i in range(width)))
                for row in range(lib.psm_rows_count(handle))]
    finally:
        lib.psm_rows_free(handle)


def _dicts(handle, names):
    def value(name, text):
        if name == "edited":
            return text == "t"
        return int(text) if name in _NUMBERS and text is not None else text

    return [{n: value(n, t) for n, t in zip(names, row)} for row in _rows(handle, len(names))]


class Transaction(Rows):
    """Of Store.transaction(): a with block commits at its end, or rolls back
    when it is left by an exception."""

    def __init__(self, store):
        self._store = store  # outlives it
        self._handle = make(lib.psm_tx_begin, store._handle)

    def _own(self):
        if not self._handle:
            raise ValueError("the transaction has ended")
        return self._handle

    def execute(self, sql, *params, columns=0):
        """One statement with $1, $2, ... for the parameters; with columns, its
        rows as tuples of texts, so many of each; else how many it changed."""
        rows = ctypes.c_void_p()
        check(lib.psm_tx_exec, self._own(), sql.encode(), len(params), _texts(params), ctypes.byref(rows))
        if columns:
            return _rows(rows, columns)
        changed = lib.psm_rows_affected(rows)
        lib.psm_rows_free(rows)
        return changed

    def queue(self, sql, *params):
        """As execute() without waiting for the answer: if it fails, the next
        one does, or the commit."""
        check(lib.psm_tx_queue, self._own(), sql.encode(), len(params), _texts(params))

    def emit(self, event, required=()):
        """Publish with the commit, which waits until the consumers named by
        required have handled it, or raises UnconfirmedError: the change is
        there, but not all of them have."""
        if not required:
            check(lib.psm_tx_emit, self._own(), event._handle)
        else:
            check(lib.psm_tx_emit_required, self._own(), event._handle, _texts(required), len(required))

    def set_trace(self, traceparent, tracestate=None):
        """Events emitted from now on continue this trace, unless they have
        one."""
        check(lib.psm_tx_set_trace, self._own(), traceparent.encode(), tracestate.encode() if tracestate else None)

    def set_wait(self, timeout_ms):
        """How long the commit waits for required consumers."""
        check(lib.psm_tx_set_wait, self._own(), timeout_ms)

    def commit(self):
        handle, self._handle = self._own(), None
        check(lib.psm_tx_commit, handle)

    def rollback(self):
        handle, self._handle = self._handle, None
        lib.psm_tx_rollback(handle)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None and self._handle:
            self.commit()
        else:
            self.rollback()

    def __del__(self):
        if getattr(self, "_handle", None):
            self.rollback()


class Store:
    """A pool of connections to PostgreSQL."""

    def __init__(self, config=None):
        config = config or Config()
        self._handle = make(lib.psm_store_open, config._handle)

    def __del__(self):
        lib.psm_store_free(getattr(self, "_handle", None))

    def migrate(self, set="psymatch"):
        check(lib.psm_store_migrate, self._handle, set.encode())

    def maintain(self):
        """The upkeep of the inbox, for programs without a relay."""
        check(lib.psm_store_maintain, self._handle)

    def health(self):
        """(GREEN, AMBER or RED, one sentence)"""
        return _health(lib.psm_store_health, self._handle)

    def transaction(self):
        return Transaction(self)

    def wait_handled(self, event_id, consumer, timeout_ms=5000):
        """Until the consumer's effects of the event are there; TimeoutError or
        RejectError if they are not."""
        check(lib.psm_store_wait_handled, self._handle, event_id.encode(), consumer.encode(), timeout_ms)

    # -- dead letters and parked events: source is DEAD or PARKED

    def dead(self, source=DEAD, **filters):
        """Rows as dicts, without payloads; filters as psm_dead_list has them."""
        pairs = [text for pair in filters.items() for text in pair] + [None]
        return _dicts(make(lib.psm_dead_list, self._handle, source, _texts(pairs)), _LIST)

    def dead_stats(self):
        return _dicts(make(lib.psm_dead_stats, self._handle), _STATS)

    def dead_show(self, id, source=DEAD, payload=False):
        """One row with its history as a dict."""
        text = make(lib.psm_dead_show, self._handle, source, id, int(payload))
        try:
            return json.loads(ctypes.string_at(text).decode())
        finally:
            lib.psm_free(text)

    def dead_raw(self, id, source=DEAD):
        """The bytes that a release would use; None if there are none."""
        out, size = ctypes.c_void_p(), ctypes.c_size_t()
        with ErrorSlot() as slot:
            slot.check(lib.psm_dead_raw(self._handle, source, id, ctypes.byref(out), ctypes.byref(size), slot.ptr))
        try:
            return ctypes.string_at(out, size.value) if out else None
        finally:
            lib.psm_free(out)

    def dead_edit(self, id, data, who, why, source=DEAD):
        check(lib.psm_dead_edit, self._handle, source, id, data, len(data), who.encode(), why.encode())

    def dead_release(self, id, who, why, source=DEAD):
        check(lib.psm_dead_release, self._handle, source, id, who.encode(), why.encode())

    def dead_skip(self, id, who, why, source=DEAD):
        check(lib.psm_dead_skip, self._handle, source, id, who.encode(), why.encode())
