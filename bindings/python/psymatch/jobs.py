# SPDX-License-Identifier: BSD-2-Clause
"""Work that is done later, or each day: psymatch.jobs.add() asks for it,
psymatch.jobs.Jobs does it.

>>> with store.transaction() as tx:
...     jobs.add(tx, "example.greet", "7", {"name": "Berta"})
True
>>> work = jobs.Jobs(store)
>>> @work.on("example.greet")
... def greet(tx, key, payload):
...     print("hello", key, payload["name"])
>>> @work.daily("example.report", "09:00", late=True)
... def report(tx, key, payload): ...
>>> work.on_failure("example.greet", lambda tx, key, payload: print("gave up", key))
>>> work.run_once()
hello 7 Berta
1
>>> job = jobs.list(store, "example.greet")[0]
>>> job["state"], jobs.get(store, job["id"])["key"]
('done', '7')
>>> jobs.retry(store, job["id"])  # it has neither failed nor been missed
Traceback (most recent call last):
...
psymatch.NotFoundError: ...
>>> jobs.remove(store, job["id"])
>>> [kind["kind"] for kind in jobs.status(store) if kind["kind"] == "example.report"]
['example.report']

Or on a thread of its own:

>>> work.start()
>>> work.wake()  # looks at once
>>> work.health()[0] == psymatch.GREEN
True
>>> work.stop()
>>> work.close()
"""
from __future__ import annotations

import json
import logging
import threading
from typing import Any, Callable, Dict, List, Mapping, TYPE_CHECKING, overload

from . import log
from ._handle import Handle
from ._json import taken, taken_list
from ._lib import callbacks, lib
from ._raised import keep, passed_on
from ._text import int64, milliseconds, payload_text, utf8, utf8_or_none
from .app import _Lent
from .config import Config
from .consumer import Options, place
from .errors import BY_NAME, check, make
from .health import health

if TYPE_CHECKING:
    import datetime

    from .store import Store, Transaction

Function = Callable[["Transaction", str, Dict[str, Any]], object]
_options = Options()
_running: set[Any] = set()  # what runs is not collected


def add(tx: Transaction, kind: str, key: str, payload: Mapping[str, Any] | None = None, run_at: str | datetime.datetime | None = None) -> bool:
    """Ask for a job, if the transaction commits; False: there is one of this
    kind and key already. run_at: a datetime with a time zone, or its text."""
    if run_at is not None and not isinstance(run_at, str):
        if run_at.tzinfo is None:
            raise ValueError("run_at: want a time with a time zone")
        run_at = run_at.isoformat()
    return bool(check(lib.psm_jobs_add, tx._open, utf8(kind, "kind"), utf8(key, "key"),
                      None if payload is None else payload_text(payload), utf8_or_none(run_at, "run_at")))


def status(store: Store) -> List[dict[str, Any]]:
    """One dict for each kind, as psm_jobs_status(3) has them."""
    return taken_list(make(lib.psm_jobs_status, store._handle))


def list(store: Store, kind: str | None = None, state: str | None = None, limit: int = 100) -> List[dict[str, Any]]:  # noqa: A001
    """Jobs as dicts, the newest first."""
    return taken_list(make(lib.psm_jobs_list, store._handle, utf8_or_none(kind, "kind"), utf8_or_none(state, "state"),
                      int64(limit, "limit")))


def get(store: Store, id: int) -> dict[str, Any]:
    """One job as a dict."""
    return taken(make(lib.psm_jobs_get, store._handle, int64(id, "id")))


def retry(store: Store, id: int) -> None:
    """Let a job that failed or was missed be done now."""
    check(lib.psm_jobs_retry, store._handle, int64(id, "id"))


def remove(store: Store, id: int) -> None:
    """Remove a job that does not run."""
    check(lib.psm_jobs_remove, store._handle, int64(id, "id"))


class Jobs(Handle):
    """Does the jobs of a store, once each.

    A function gets a transaction, which commits with the job, the job's key,
    and its payload as a dict. What it raises brings the job again, a while
    later; Reject lets it fail for good. Threads: one at a time.
    """

    def __init__(self, store: Store, config: Config | None = None) -> None:
        self._threads: set[int] = set()
        self._callbacks: Any = []
        self._config = config if config is not None else Config()
        self._own(make(lib.psm_jobs_new, store._handle, self._config._handle), _freeing(self._callbacks), store)

    @overload
    def on(self, kind: str, function: Function) -> None: ...

    @overload
    def on(self, kind: str, function: None = None) -> Callable[[Function], Function]: ...

    def on(self, kind: str, function: Function | None = None) -> Callable[[Function], Function] | None:
        """function(tx, key, payload) for a kind; without one, a decorator."""
        if function is None:
            return self._decorator(lambda made: self.on(kind, made))
        check(lib.psm_jobs_on, self._handle, utf8(kind, "kind"), self._callback(kind, function), None)
        return None

    def on_failure(self, kind: str, function: Function) -> None:
        """function(tx, key, payload) when a job of the kind has failed for
        good, in the transaction that says so."""
        check(lib.psm_jobs_on_failure, self._handle, utf8(kind, "kind"), self._callback(kind, function), None)

    @overload
    def daily(self, kind: str, at: str, function: Function, *, late: bool = False) -> None: ...

    @overload
    def daily(self, kind: str, at: str, function: None = None, *, late: bool = False
              ) -> Callable[[Function], Function]: ...

    def daily(self, kind: str, at: str, function: Function | None = None, *, late: bool = False
              ) -> Callable[[Function], Function] | None:
        """Each day at a time of day in Berlin, "09:00"; late: one that was
        missed is done as soon as there is a program, else it is left out. The
        key is the date."""
        if function is None:
            return self._decorator(lambda made: self.daily(kind, at, made, late=late))
        check(lib.psm_jobs_daily, self._handle, utf8(kind, "kind"), utf8(at, "at"), int(late),
              self._callback(kind, function), None)
        return None

    @staticmethod
    def _decorator(register: Callable[[Function], object]) -> Callable[[Function], Function]:
        def decorate(function: Function) -> Function:
            register(function)
            return function

        return decorate

    def _callback(self, kind: Any, function: Any) -> Any:
        if not callable(function):
            raise TypeError("function: want a function, got %s" % type(function).__name__)
        made = callbacks["psm_job_fn"](_call(self._threads, kind, function))
        self._callbacks.append(made)
        return made

    def run_once(self) -> int:
        """Do what is due, here; how many were tried. What a function raises that
        is no Exception, such as KeyboardInterrupt, is raised again when they
        are done."""
        with passed_on():
            return check(lib.psm_jobs_run_once, self._handle)

    def start(self) -> None:
        """Do them on a thread."""
        pointer = self._handle
        if self not in _running:
            self._close_at_exit()
            _running.add(self)
        check(lib.psm_jobs_start, pointer)

    def stop(self, timeout_ms: int = 5000) -> None:
        """End the thread after the job under way, which is done again later if
        it takes longer. TimeoutError: it has not ended even so."""
        check(lib.psm_jobs_stop, self._handle, milliseconds(timeout_ms, "timeout_ms"))
        _running.discard(self)

    def wake(self) -> None:
        """Look for jobs at once."""
        lib.psm_jobs_wake(self._handle)

    def health(self) -> tuple[int, str]:
        """(GREEN, AMBER or RED, one sentence)"""
        return health(lib.psm_jobs_health, self._handle)

    def close(self) -> None:
        """Stop and free it. Twice is once."""
        if threading.get_ident() in self._threads:
            raise BY_NAME["StateError"]("called by a job's own function")
        _running.discard(self)
        self._owner.drop()

    _at_exit = close


def _call(threads: Any, kind: Any, function: Any) -> Any:
    def call(tx: Any, key: Any, payload: Any, _user: Any, err: Any) -> Any:
        lent, me = _Lent(tx), threading.get_ident()
        threads.add(me)
        try:
            function(lent, key.decode(), json.loads(payload.decode()))
            return 0
        except BaseException as e:
            keep(e)
            code = _options.code(e)
            log.say(logging.WARNING, "a job's function failed", {
                "kind": kind, "exception": type(e).__module__ + "." + type(e).__qualname__, "at": place(e)})
            lib.psm_error_set(err, code, ("function raised %s" % type(e).__name__).encode(errors="replace"))
            return code
        finally:
            threads.discard(me)
            lent._end()

    return call


def _freeing(kept: Any) -> Any:
    """Frees an object whose callbacks stay until then."""

    def free(pointer: Any) -> None:
        lib.psm_jobs_free(pointer)
        kept.clear()

    return free
