# SPDX-License-Identifier: BSD-2-Clause
"""Searches for a place in therapy as dicts: psm_search(3). Each change has a
transaction of its own.

>>> patient = {"vorname": "A", "geschlecht": "weiblich", "plz": "13347", "symptome": ["Mobbing"], "krankenkasse": "K",
...            "geburtsdatum": "1990-01-01", "erfahrung_mit_psychotherapie": False,
...            "offen_fuer_gruppentherapie": False, "zeitliche_verfuegbarkeit": {"montag": ["09:00-10:00"]}}
>>> with store.transaction() as tx:
...     searches.handle(tx, psymatch.Event.new("patient.created", "example", {
...         "patient_id": 71, "patient_data": {"id": 71, **patient}}))
...     searches.handle(tx, psymatch.Event.new("therapist.created", "example", {"therapist_id": 72, "therapist_data": {
...         "id": 72, "plz": "13347", "status": "aktiv", "nachname": "B"}}))
>>> search = searches.create(store, 71, notizen="urgent")
>>> search["status"] == searches.Status.AKTIV
True
>>> searches.pause(store, search["id"], "holiday")
>>> searches.resume(store, search["id"])
>>> searches.contact(store, search["id"], 3)["new_total"]
3
>>> row = searches.update(store, search["id"], {"notizen": "less urgent"})
>>> row = searches.patch(store, search["id"], {"notizen": None})
>>> searches.exclude(store, search["id"], 99, "too far away")
True
>>> searches.list(store, patient_id=71)["total"], "data" in searches.incomplete(store)
(1, True)

Who fits, and why not:

>>> searches.why_not(store, search["id"], therapist_id=72)["fits"]
True
>>> [found["patient_id"] for found in searches.eligible(store, 72)["data"]]
[71]
>>> [found["id"] for found in searches.selection(store, "13")["data"]]
[72]

The end; and the rules without a database:

>>> searches.cancel(store, search["id"], "moved away")
>>> search, version = searches.get(store, search["id"])
>>> searches.delete(store, search["id"])
>>> searches.transition("aktiv", "pausiert")
True
>>> excluded = searches.with_excluded([], 7, "too far away")
>>> searches.is_excluded(excluded, 7)
True
>>> import datetime
>>> searches.with_note(None, "called", "Anna", datetime.datetime(2026, 1, 31, 8, tzinfo=datetime.timezone.utc))
'[2026-01-31 08:00 (Anna)] called'

A database is filled by searches.load():

>>> searches.load(store, {"patients": [], "searches": [], "inquiries": []})
0
"""
from __future__ import annotations

import ctypes
import enum
from typing import Any, List, Mapping, Sequence, TYPE_CHECKING

from . import clock
from ._json import changed, document, got, listed, taken, taken_list, with_size
from ._lib import lib
from ._text import int64, payload_text, utf8, utf8_or_none
from .errors import BY_NAME, check, check_code, make
from .event import _all, handled_by
from .rows import ANY

if TYPE_CHECKING:
    import datetime

    from .event import Event
    from .store import Store, Transaction

TYPES = tuple(_all(lib.psm_matching_type_at))
__all__ = ["ANY", "TYPES", "Status", "cancel", "contact", "create", "delete", "eligible", "exclude", "get", "handle",
           "incomplete", "is_excluded", "list", "load",
           "patch", "pause", "resume", "selection", "transition", "update",
           "why_not", "with_excluded", "with_note"]

if TYPE_CHECKING:  # for type checkers: the library's table makes it
    class Status(str, enum.Enum):
        AKTIV = "aktiv"
        ERFOLGREICH = "erfolgreich"
        PAUSIERT = "pausiert"
        ABGEBROCHEN = "abgebrochen"
else:
    Status = enum.Enum("Status", {word.upper(): word for word in _all(lib.psm_search_status_name)}, type=str, module=__name__)
Status.__doc__ = "Where a search stands; each is equal to its word, Status.AKTIV == \"aktiv\"."


def create(store: Store, patient_id: int, notizen: str | None = None, dringlichkeit: int | None = None) -> dict[str, Any]:
    """Open a search, perhaps with an urgency of 0 to 3: the row. NotFoundError:
    nobody knows the patient; SchemaError: data are missing, faults name the
    columns; ConflictError: there is an active one."""
    return taken(make(lib.psm_search_create, store._handle, *with_size({
        "patient_id": patient_id, "notizen": notizen, "dringlichkeit": dringlichkeit})))


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(search, version); the search with its patient, its counts and the
    inquiries that it is in."""
    return got(lib.psm_search_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """A page, the newest first; status, patient_id, min_anfragen, max_anfragen,
    min_aktive_anfragen, max_aktive_anfragen, page and limit as keywords."""
    return listed(lib.psm_search_list, store, query)


def update(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """Change status, notizen or ausgeschlossene_therapeuten, None leaves one as
    it is: the row."""
    return changed(lib.psm_search_update, store, id, values, if_version)


def patch(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """The same, None empties a column, and a name that is no column is a
    fault."""
    return changed(lib.psm_search_patch, store, id, values, if_version)


def delete(store: Store, id: int, if_version: int = ANY) -> None:
    """Delete a search that is in no inquiry that was sent."""
    check(lib.psm_search_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"))


def pause(store: Store, id: int, reason: str | None = None) -> None:
    """Pause an active search; it stays in its inquiries."""
    check(lib.psm_search_pause, store._handle, int64(id, "id"), utf8_or_none(reason, "reason"))


def resume(store: Store, id: int, reason: str | None = None) -> None:
    """Make a paused search active again."""
    check(lib.psm_search_resume, store._handle, int64(id, "id"), utf8_or_none(reason, "reason"))


def cancel(store: Store, id: int, reason: str | None = None) -> None:
    """End an open search; it leaves the inquiries that were not sent."""
    check(lib.psm_search_cancel, store._handle, int64(id, "id"), utf8_or_none(reason, "reason"))


def contact(store: Store, id: int, requested_count: int, notizen: str | None = None) -> dict[str, Any]:
    """Ask for 1 to 100 more contacts: {"search_id", "previous_total",
    "new_total"}."""
    return taken(make(lib.psm_search_contact, store._handle, int64(id, "id"),
                      *with_size({"requested_count": requested_count, "notizen": notizen})))


def exclude(store: Store, id: int, therapist_id: int, reason: str | None = None) -> bool:
    """Exclude a therapist; False: the search did so already."""
    return bool(check(lib.psm_search_exclude, store._handle, int64(id, "id"), int64(therapist_id, "therapist_id"),
                      utf8_or_none(reason, "reason")))


def incomplete(store: Store) -> dict[str, Any]:
    """Patients who are to be searched for, but whose data lack something:
    {"data": [{"patient_id", "missing", "since", "last"}], "total"}."""
    return taken(make(lib.psm_search_incomplete, store._handle))


def why_not(store: Store, id: int, therapist_id: int) -> dict[str, Any]:
    """Why a search does not fit a therapist: {"fits", "distance_km", "failed":
    [{"reason", "text"}], "cannot_tell", ..}."""
    return taken(make(lib.psm_search_why_not, store._handle, int64(id, "id"), int64(therapist_id, "therapist_id")))


def eligible(store: Store, therapist_id: int, plz_prefix: str | None = None) -> dict[str, Any]:
    """Who would be in an inquiry to a therapist, and how often which reason kept
    others out; plz_prefix None: the therapist's own area."""
    return taken(make(lib.psm_therapist_eligible, store._handle, int64(therapist_id, "therapist_id"),
                      utf8_or_none(plz_prefix, "plz_prefix")))


def selection(store: Store, plz_prefix: str) -> dict[str, Any]:
    """The therapists of an area who can be asked, the best first:
    {"plz_prefix", "total", "data"}."""
    return taken(make(lib.psm_therapist_selection, store._handle, utf8(plz_prefix, "plz_prefix")))


def transition(old: Status | str, new: Status | str) -> bool:
    """Whether a search may change its status so; both a Status or its word."""
    try:
        check(lib.psm_search_transition, *(check_code(lib.psm_search_status_from_name(utf8(
            word.value if isinstance(word, Status) else word, "status"))) for word in (old, new)))
    except BY_NAME["TransitionError"]:
        return False
    return True


def is_excluded(excluded: Sequence[Any], therapist_id: int) -> bool:
    """Whether a therapist is on the list ausgeschlossene_therapeuten."""
    with document(excluded) as doc:
        return bool(lib.psm_exclusion_contains(doc, int64(therapist_id, "therapist_id")))


def with_excluded(excluded: Sequence[Any] | None, therapist_id: int, reason: str | None = None, time: datetime.datetime | None = None) -> List[Any]:
    """Such a list with one more therapist, unless it has the therapist; time: a
    datetime, None: now."""
    out = ctypes.c_void_p()
    with document(excluded) as doc:
        check(lib.psm_exclusion_add, doc, int64(therapist_id, "therapist_id"),
              clock.us(time if time is not None else clock.now()), utf8_or_none(reason, "reason"), ctypes.byref(out))
    return taken_list(out)


def with_note(notes: str | None, text: str, author: str | None = None, time: datetime.datetime | None = None) -> str:
    """A log of notes (None: none yet) with one more entry: "[2026-01-31 09:00
    (author)] text"."""
    out = ctypes.c_void_p()
    check(lib.psm_note_append, utf8_or_none(notes, "notes"), clock.us(time if time is not None else clock.now()),
          utf8_or_none(author, "author"), utf8(text, "text"), ctypes.byref(out))
    try:
        return ctypes.string_at(out.value or 0).decode()
    finally:
        lib.psm_free(out)


def handle(tx: Transaction, event: Event) -> None:
    """What an event of TYPES means to the matching service, within tx."""
    handled_by(lib.psm_matching_handle, tx, event)


def load(store: Store, data: Mapping[str, Any]) -> int:
    """Load patients, searches and inquiries, as psm_matching_load(3) has them:
    how many inquiries were made."""
    return check(lib.psm_matching_load, store._handle, payload_text(data))
