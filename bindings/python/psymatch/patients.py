# SPDX-License-Identifier: BSD-2-Clause
"""Patients as dicts, each change in a transaction of its own: psm_patient(3).

>>> row = patients.create(store, {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Muster"})
>>> row["status"] == patients.Status.OFFEN
True
>>> row = patients.update(store, row["id"], {"zahlung_eingegangen": True, "vertraege_unterschrieben": True})
>>> row["status"]
'auf_der_Suche'
>>> patients.search_gaps(row)[:2]
['symptome', 'krankenkasse']
>>> row = patients.patch(store, row["id"], {"plz": "10115", "ort": None}, if_version=2)
>>> row, version = patients.get(store, row["id"])
>>> patients.contact(store, row["id"], "2026-01-02")
True
>>> patients.list(store, status="auf_der_Suche", sort="-id", limit=1)["data"][0]["id"] == row["id"]
True
>>> patients.announce(store, all=True, limit=1), patients.reassignments(store)["total"]
(1, 0)
>>> with store.transaction() as tx:
...     patients.handle(tx, psymatch.Event.new("email.sent", "example", {
...         "email_id": 1, "patient_id": row["id"], "email_data": {}}))
>>> patients.delete(store, row["id"])

What does not fit its column raises SchemaError, whose faults are pairs of
pointer and message. Within a transaction of the caller's, Transaction.create()
and its neighbours do the same.
"""
from __future__ import annotations

import enum
from typing import Any, List, Mapping, TYPE_CHECKING

from ._json import changed, document, got, listed, taken, taken_list, with_size
from ._lib import lib
from ._text import int32, int64, utf8_or_none
from .errors import check, make
from .event import _all, handled_by
from .rows import ANY

if TYPE_CHECKING:
    import datetime

    from .event import Event
    from .store import Store, Transaction

__all__ = ["ANY", "TYPES", "Status", "announce", "contact", "create", "delete", "get", "handle", "list", "patch",
           "reassignments", "search_gaps", "update"]

if TYPE_CHECKING:  # for type checkers: the library's table makes it
    class Status(str, enum.Enum):
        OFFEN = "offen"
        AUF_DER_SUCHE = "auf_der_Suche"
        IN_THERAPIE = "in_Therapie"
        THERAPIE_ABGESCHLOSSEN = "Therapie_abgeschlossen"
        SUCHE_ABGEBROCHEN = "Suche_abgebrochen"
        THERAPIE_ABGEBROCHEN = "Therapie_abgebrochen"
else:
    Status = enum.Enum("Status", {word.upper(): word for word in _all(lib.psm_patient_status_name)}, type=str, module=__name__)
Status.__doc__ = "Where a patient stands; each is equal to its word, Status.OFFEN == \"offen\"."
TYPES = tuple(_all(lib.psm_patient_type_at))


def create(store: Store, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make a patient: the row."""
    return taken(make(lib.psm_patient_create, store._handle, *with_size(values)))


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(row, version); NotFoundError."""
    return got(lib.psm_patient_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """A page: {"data": [row], "page", "limit", "total"}; page, limit, sort and
    the filters of Entity("patient").filters as keywords."""
    return listed(lib.psm_patient_list, store, query)


def update(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """Change a patient, None leaves a column as it is: the row.
    PreconditionError: it has another version than if_version; TransitionError:
    the status may not follow the present one."""
    return changed(lib.psm_patient_update, store, id, values, if_version)


def patch(store: Store, id: int, values: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """The same, None empties a column, and a name that is no column is a
    fault."""
    return changed(lib.psm_patient_patch, store, id, values, if_version)


def delete(store: Store, id: int, if_version: int = ANY) -> None:
    """Delete a patient; what others know of the patient ends by the event."""
    check(lib.psm_patient_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"))


def contact(store: Store, id: int, day: str | datetime.date | None = None) -> bool:
    """There was a contact on a day, a date or "YYYY-MM-DD", None: today. False:
    it is known, or a later one is."""
    if day is not None and not isinstance(day, str):
        day = day.isoformat()
    return bool(check(lib.psm_patient_contact, store._handle, int64(id, "id"), utf8_or_none(day, "day")))


def announce(store: Store, all: bool = False, limit: int = 100) -> int:
    """Publish patients as they are, at most limit of those that no event has
    told about, or of all: how many, 0 when there are no more."""
    return check(lib.psm_patient_announce, store._handle, int(bool(all)), int32(limit, "limit"))


def reassignments(store: Store, page: int = 1, limit: int = 20) -> dict[str, Any]:
    """A page of the patients who wait in an open inquiry to a therapist who is
    blocked: {"data": [...], "page", "limit", "total"}."""
    return taken(make(lib.psm_patient_reassignments, store._handle, int32(page, "page"), int32(limit, "limit")))


def search_gaps(record: Mapping[str, Any]) -> List[str]:
    """The columns that a patient lacks before a search can be opened, in order;
    an empty list: none."""
    with document(record) as doc:
        return taken_list(make(lib.psm_patient_search_gaps, doc))


def handle(tx: Transaction, event: Event) -> None:
    """What an event of TYPES means to the patient service, within tx."""
    handled_by(lib.psm_patient_handle, tx, event)
