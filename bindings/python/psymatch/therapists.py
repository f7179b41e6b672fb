# SPDX-License-Identifier: BSD-2-Clause
"""Therapists as dicts, each change in a transaction of its own: psm_therapist(3).

>>> row = therapists.create(store, {"anrede": "Herr", "geschlecht": "männlich", "vorname": "Anton",
...                                 "nachname": "Beispiel", "plz": "99510"})
>>> therapists.block(store, row["id"], "on holiday"), therapists.unblock(store, row["id"])
(True, True)
>>> row = therapists.update(store, row["id"], {"titel": "Dr."})
>>> row = therapists.patch(store, row["id"], {"titel": None})
>>> row, version = therapists.get(store, row["id"])
>>> row["status"] == therapists.Status.AKTIV
True
>>> therapists.list(store, plz_prefix="9951")["total"], therapists.announce(store, all=True, limit=1)
(1, 1)

What is known of a therapist's work, and who is near a patient:

>>> therapists.workload(store, row["id"])["pending_patients"], therapists.workloads(store, "9951")["total"]
(0, 1)
>>> with store.transaction() as tx:
...     therapists.handle(tx, psymatch.Event.new("patient.created", "example", {
...         "patient_id": 80, "patient_data": {"id": 80, "plz": "99518"}}))
>>> therapists.suggestions(store, 80)["total"]
1
>>> therapists.delete(store, row["id"])

Imports, and their rules:

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder, therapists.TherapistImport(store, folder) as work:
...     work.run(), work.stat("created"), work.status()["total_therapists_processed"], work.errors()
...     work.health()["status"] in ("healthy", "degraded", "unhealthy")
...     work.watch_disk(folder, 1)
...     work.cancel()  # by another thread: run(), or file(path), ends
(0, 0, 0, [])
True
>>> fields = therapists.from_record({
...     "basic_info": {"salutation": "Herr", "first_name": "Anton", "last_name": "Beispiel"},
...     "location": {"street": "Weg", "house_number": "1", "postal_code": "10115", "city": "Berlin"},
...     "contact": {"phone": "030 1234567"}, "therapy_methods": ["Verhaltenstherapie (Erwachsene)"],
...     "languages": [], "telephone_hours": {}})
>>> therapists.match(fields, [dict(fields, id=7)])
(0, False)
>>> therapists.merge(dict(fields, id=7, telefon=None), fields)[1]
1
>>> therapists.transition("aktiv", therapists.Status.GESPERRT)
('therapist.blocked', 'set')
>>> len(therapists.request_scraping(store, "10115"))  # the id of the request
36
>>> with psymatch.jobs.Jobs(store) as work:
...     therapists.scraping_jobs(work, store)

What does not fit its column raises SchemaError, whose faults are pairs of
pointer and message.
"""
from __future__ import annotations

import ctypes
import enum
from typing import Any, List, Mapping, Sequence, TYPE_CHECKING

from ._handle import Handle
from ._json import changed, document, got, listed, taken, taken_list, with_size
from ._lib import lib
from ._text import int32, int64, utf8, utf8_or_none
from .config import Config
from .errors import check, check_code, make
from .event import _all, handled_by
from .rows import ANY

if TYPE_CHECKING:
    import os

    from .event import Event
    from .jobs import Jobs
    from .store import Store, Transaction

__all__ = ["ANY", "TYPES", "Status", "TherapistImport", "announce", "block", "create", "delete", "from_record", "get",
           "handle", "list", "match", "merge", "patch", "request_scraping", "scraping_jobs", "suggestions", "transition", "unblock", "update",
           "workload", "workloads"]

if TYPE_CHECKING:  # for type checkers: the library's table makes it
    class Status(str, enum.Enum):
        AKTIV = "aktiv"
        GESPERRT = "gesperrt"
        INAKTIV = "inaktiv"
else:
    Status = enum.Enum("Status", {word.upper(): word for word in _all(lib.psm_therapist_status_name)}, type=str, module=__name__)
Status.__doc__ = "Where a therapist stands; each is equal to its word, Status.AKTIV == \"aktiv\"."
TYPES = tuple(_all(lib.psm_therapist_type_at))


def create(store: Store, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make a therapist: the row."""
    return taken(make(lib.psm_therapist_create, store._handle, *with_size(values)))


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(row, version); NotFoundError."""
    return got(lib.psm_therapist_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """A page: {"data": [row], "page", "limit", "total"}; page, limit, sort and
    the filters of Entity("therapist").filters as keywords."""
    return listed(lib.psm_therapist_list, store, query)


def update(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """Change a therapist, None leaves a column as it is: the row.
    PreconditionError: it has another version than if_version."""
    return changed(lib.psm_therapist_update, store, id, values, if_version)


def patch(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """The same, None empties a column, and a name that is no column is a
    fault."""
    return changed(lib.psm_therapist_patch, store, id, values, if_version)


def delete(store: Store, id: int, if_version: int = ANY, force: bool = False) -> None:
    """Delete a therapist. ConflictError: an inquiry was sent and has no answer,
    unless force."""
    check(lib.psm_therapist_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"), int(bool(force)))


def block(store: Store, id: int, reason: str | None = None) -> bool:
    """Block a therapist; False: was blocked for this reason already."""
    return bool(check(lib.psm_therapist_block, store._handle, int64(id, "id"), utf8_or_none(reason, "reason")))


def unblock(store: Store, id: int) -> bool:
    """Unblock a therapist; False: was not blocked."""
    return bool(check(lib.psm_therapist_unblock, store._handle, int64(id, "id")))


def announce(store: Store, all: bool = False, limit: int = 100) -> int:
    """Publish therapists as they are, at most limit of those that no event has
    told about, or of all: how many, 0 when there are no more."""
    return check(lib.psm_therapist_announce, store._handle, int(bool(all)), int32(limit, "limit"))


def suggestions(store: Store, patient_id: int, page: int = 1, limit: int = 20) -> dict[str, Any]:
    """A page of the therapists to suggest for a patient, the best first:
    {"patient_id", "plz_prefix", "data": [...], "page", "limit", "total"}.
    NotFoundError: no event has told of such a patient."""
    return taken(make(lib.psm_therapist_suggestions, store._handle, int64(patient_id, "patient_id"),
                      int32(page, "page"), int32(limit, "limit")))


def workload(store: Store, id: int) -> dict[str, Any]:
    """What a therapist has to do, and how inquiries are answered:
    {"therapist_id", "pending_patients", "response_rate", ...}. NotFoundError."""
    return taken(make(lib.psm_therapist_workload, store._handle, int64(id, "id")))


def workloads(store: Store, plz_prefix: str | None = None, page: int = 1, limit: int = 20) -> dict[str, Any]:
    """A page of the same of all therapists, or of those of an area:
    {"data": [...], "page", "limit", "total"}."""
    return taken(make(lib.psm_therapist_workloads, store._handle, utf8_or_none(plz_prefix, "plz_prefix"),
                      int32(page, "page"), int32(limit, "limit")))


def handle(tx: Transaction, event: Event) -> None:
    """What an event of TYPES means to the therapist service, within tx."""
    handled_by(lib.psm_therapist_handle, tx, event)


def transition(old: Status | str | None, new: Status | str, blocked: bool = False) -> tuple[str, str]:
    """What a change of the status does: (event type, what becomes of the block:
    "stays", "set" or "cleared"). old and new: a Status or its word; old may be
    None."""
    event = ctypes.c_void_p()
    rc = check(lib.psm_therapist_transition, -1 if old is None else _status(old), _status(new), int(bool(blocked)),
               ctypes.byref(event))
    return ctypes.string_at(event.value or 0).decode(), ("stays", "set", "cleared")[rc]


def _status(word: Any) -> Any:
    return check_code(lib.psm_therapist_status_from_name(utf8(word.value if isinstance(word, Status) else word,
                                                              "status")))


def from_record(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns that a record of an import fills; None: nothing of it is for
    adults. SchemaError."""
    out = ctypes.c_void_p()
    with document(record) as doc:
        rc = check(lib.psm_therapist_from_record, doc, ctypes.byref(out))
    return None if rc == 1 else taken(out)


def match(fields: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]], present: Sequence[Mapping[str, Any]] | None = None) -> tuple[int, bool]:
    """Which of the candidates (rows) the fields of from_record() are about:
    (index, True if under a former name). present: the fields of all records of
    the file. NotFoundError: nobody; AmbiguousError: several."""
    index = ctypes.c_size_t()
    with document(fields) as one, document(candidates) as many, document(present) as others:
        rc = check(lib.psm_therapist_match, one, many, others, ctypes.byref(index))
    return index.value, rc == 1


def merge(stored: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Apply fields of from_record() to a row: (the row after it, how many
    columns changed)."""
    out = ctypes.c_void_p()
    with document(stored) as old, document(fields) as new:
        count = check(lib.psm_therapist_merge, old, new, ctypes.byref(out))
    return taken(out), count


def request_scraping(store: Store, plz: str | None = None) -> str:
    """Ask for the public lists of therapists to be read again: the request's id."""
    out = ctypes.c_void_p()
    check(lib.psm_scraping_request, store._handle, utf8_or_none(plz, "plz"), ctypes.byref(out))
    try:
        return ctypes.string_at(out).decode()
    finally:
        lib.psm_free(out)


def scraping_jobs(jobs: Jobs, store: Store, config: Config | None = None) -> None:
    """Let a psymatch.jobs.Jobs do that: SCRAPING_COMMAND, then an import."""
    config = config if config is not None else Config()
    check(lib.psm_scraping_jobs, jobs._handle, store._handle, config._handle)


class TherapistImport(Handle):
    """Imports the files of a folder, <folder>/<YYYYMMDD>/<postal code>.json.
    interval: seconds between two runs, from which the limits of the health
    follow. Threads: one at a time, but for cancel()."""

    def __init__(self, store: Store, folder: str | os.PathLike[str], interval: int = 86400) -> None:
        self._store, self._folder = store, utf8(str(folder), "folder")
        self._own(make(lib.psm_import_status_new, int64(interval, "interval")), lib.psm_import_status_free)

    def run(self) -> int:
        """Import the newest file of each postal code; the count of therapists
        created or updated."""
        return check(lib.psm_therapist_import_run, self._store._handle, self._folder, self._handle)

    def file(self, path: str | os.PathLike[str]) -> int:
        """Import one file; as run()."""
        return check(lib.psm_therapist_import_file, self._store._handle, utf8(str(path), "path"), self._handle)

    def cancel(self) -> None:
        """Let a run end after the record at hand, and later ones not begin."""
        lib.psm_import_status_cancel(self._handle)

    def watch_disk(self, folder: str | os.PathLike[str] | None, free_min: int) -> None:
        """Let the health look at the disk of a folder, on which so many bytes
        are to be free; None: no disk."""
        check(lib.psm_import_status_set_disk, self._handle,
              utf8_or_none(None if folder is None else str(folder), "folder"), int64(free_min, "free_min"))

    def stat(self, name: str) -> int:
        """A counter, as psm_import_status_stat(3) names them."""
        number: int = lib.psm_import_status_stat(self._handle, utf8(name, "name"))
        return number

    def status(self) -> dict[str, Any]:
        """What was imported and what failed, as a dict."""
        return taken(make(lib.psm_import_status_json, self._handle))

    def errors(self) -> List[dict[str, Any]]:
        """The newest 100 errors as dicts, the oldest first."""
        return taken_list(make(lib.psm_import_status_errors, self._handle))

    def health(self) -> dict[str, Any]:
        """{"status": "healthy", "degraded" or "unhealthy", ...}."""
        return taken(make(lib.psm_import_status_health, self._handle))
