# SPDX-License-Identifier: BSD-2-Clause
"""Phone calls: dicts in, dicts out. A failure raises its exception, with the
pointers of all faults.

>>> call = calls.create(store, {"therapist_id": 7, "geplantes_datum": "2999-03-11"})
>>> call["geplante_zeit"], call["dauer_minuten"]
('10:00', 5)
>>> call, version = calls.get(store, call["id"])
>>> done = calls.update(store, call["id"], {"status": "abgeschlossen"}, if_version=version)
>>> calls.list(store, therapist_id=7, status="abgeschlossen")["total"]
1
>>> calls.delete(store, call["id"])

Once, within a transaction; and for inquiries that were not answered:

>>> with store.transaction() as tx:
...     call, new = calls.plan(tx, {"patient_id": 3}, once_key="welcome:3")
...     calls.handle(tx, psymatch.Event.new("communication.schedule_call", "example", {"patient_id": 3}))
>>> calls.follow_up(store)["planned"]
0
>>> calls.request(store, "therapist", 10 ** 6)  # by an event, which the handler above answers
Traceback (most recent call last):
...
psymatch.NotFoundError: ...
>>> with store.transaction() as tx:
...     calls.follow_up_called(tx, 10 ** 6, call["id"])  # an inquiry that there is not
Traceback (most recent call last):
...
psymatch.NotFoundError: ...
>>> with psymatch.jobs.Jobs(store) as work:
...     calls.follow_up_daily(work, store)
"""
from __future__ import annotations

import ctypes
from typing import Any, Mapping, TYPE_CHECKING

from ._json import changed, got, listed, taken, with_size
from ._lib import lib
from ._text import int64, utf8, utf8_or_none
from .config import Config
from .errors import check, make
from .event import handled_by
from .rows import ANY

if TYPE_CHECKING:
    from .event import Event
    from .jobs import Jobs
    from .store import Store, Transaction


def create(store: Store, values: Mapping[str, Any]) -> dict[str, Any]:
    """Plan a call with {"therapist_id": 7} or {"patient_id": 3}; a date or a
    time that is not given is found."""
    return taken(make(lib.psm_call_create, store._handle, *with_size(values)))


def plan(tx: Transaction, values: Mapping[str, Any], once_key: str | None = None) -> tuple[dict[str, Any], bool]:
    """The same within a transaction, and at most once for a key: (call, whether
    it is new)."""
    out = ctypes.c_void_p()
    rc = check(lib.psm_call_make, tx._open, *with_size(values), utf8_or_none(once_key, "once_key"), ctypes.byref(out))
    return taken(out), bool(rc)


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(call, version); NotFoundError."""
    return got(lib.psm_call_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """A page, e.g. list(store, therapist_id=7, sort="-geplantes_datum", page=2):
    {"data": [call], "page", "limit", "total"}."""
    return listed(lib.psm_call_list, store, query)


def update(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY,
           merge: bool = False) -> dict[str, Any]:
    """Change a call, None leaves a column as it is, or with merge empties it:
    the call."""
    function = lib.psm_call_patch if merge else lib.psm_call_update
    return changed(function, store, id, values, if_version)


def delete(store: Store, id: int, if_version: int = ANY) -> None:
    """Delete a call."""
    check(lib.psm_call_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"))


def request(store: Store, whom: str, id: int) -> None:
    """Ask for a call with a "patient" or a "therapist" to be planned, by an
    event. NotFoundError; ConflictError: there is no number to call."""
    check(lib.psm_call_request, store._handle, utf8(whom, "whom"), int64(id, "id"))


def follow_up(store: Store) -> dict[str, int]:
    """Plan a call for each inquiry that was sent and not answered for too long:
    {"planned", "handed_over", "without_time", "failed"}, counts."""
    return taken(make(lib.psm_follow_up_run, store._handle))


def follow_up_daily(jobs: Jobs, store: Store, config: Config | None = None) -> None:
    """Let a psymatch.jobs.Jobs do that each day at FOLLOW_UP_TIME."""
    config = config if config is not None else Config()
    check(lib.psm_follow_up_daily, jobs._handle, store._handle, config._handle)


def follow_up_called(tx: Transaction, inquiry_id: int, call_id: int) -> bool:
    """The call of an inquiry was planned in another database; False: it has
    one, or needs none any more."""
    return bool(check(lib.psm_follow_up_called, tx._open, int64(inquiry_id, "inquiry_id"), int64(call_id, "call_id")))


def handle(tx: Transaction, event: Event) -> None:
    """What the command "communication.schedule_call" asks for, once for each
    event, within tx."""
    handled_by(lib.psm_call_handle, tx, event)
