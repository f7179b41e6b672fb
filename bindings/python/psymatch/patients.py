# SPDX-License-Identifier: BSD-2-Clause
"""Patients as dicts, each change in a transaction of its own: psm_patient(3).

    row = patients.create(store, {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Muster"})
    patients.update(store, row["id"], {"zahlung_eingegangen": True, "vertraege_unterschrieben": True})
    patients.search_gaps(row)

What does not do for its column raises SchemaError, whose faults are pairs of
pointer and message. Within a transaction of the caller's, Transaction.create()
and its neighbours do the same.
"""
import ctypes
import enum
import json

from ._lib import lib
from ._text import int32, int64, payload_text, utf8_or_none
from .errors import check, make
from .event import Event
from .rows import ANY

__all__ = ["ANY", "TYPES", "Status", "announce", "contact", "create", "delete", "get", "handle", "list", "patch",
           "search_gaps", "update"]


def _words():
    found = []
    while True:
        word = lib.psm_patient_status_name(len(found))
        if word is None:
            return found
        found.append(word.decode())


def _types():
    found = []
    while True:
        name = lib.psm_patient_type_at(len(found))
        if name is None:
            return tuple(found)
        found.append(name.decode())


Status = enum.Enum("Status", {word.upper(): word for word in _words()}, type=str, module=__name__)
Status.__doc__ = "Where a patient stands; each is equal to its word, Status.OFFEN == \"offen\"."
TYPES = _types()


def _take(pointer):
    try:
        return json.loads(ctypes.string_at(pointer).decode())
    finally:
        lib.psm_free(pointer)


def create(store, values):
    """Make a patient: the row."""
    text = payload_text(values)
    return _take(make(lib.psm_patient_create, store._handle, text, len(text)))


def get(store, id):
    """(row, version); NotFoundError."""
    out, version = ctypes.c_void_p(), ctypes.c_int64()
    check(lib.psm_patient_get, store._handle, int64(id, "id"), ctypes.byref(out), ctypes.byref(version))
    return _take(out), version.value


def list(store, **query):  # noqa: A001
    """A page: {"data": [row], "page", "limit", "total"}; page, limit, sort and
    the filters of Entity("patient").filters as keywords."""
    return _take(make(lib.psm_patient_list, store._handle, payload_text(query)))


def update(store, id, values, if_version=ANY):
    """Change a patient, None leaves a column as it is: the row.
    PreconditionError: it has another version than if_version; TransitionError:
    the status may not follow the present one."""
    return _change(lib.psm_patient_update, store, id, values, if_version)


def patch(store, id, values, if_version=ANY):
    """The same, None empties a column, and a name that is no column is a
    fault."""
    return _change(lib.psm_patient_patch, store, id, values, if_version)


def _change(function, store, id, values, if_version):
    text = payload_text(values)
    return _take(make(function, store._handle, int64(id, "id"), int64(if_version, "if_version"), text, len(text)))


def delete(store, id, if_version=ANY):
    """Delete a patient; what others know of the patient ends by the event."""
    check(lib.psm_patient_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"))


def contact(store, id, day=None):
    """There was a contact on a day, a date or "YYYY-MM-DD", None: today. False:
    it is known, or a later one is."""
    if hasattr(day, "isoformat"):
        day = day.isoformat()
    return bool(check(lib.psm_patient_contact, store._handle, int64(id, "id"), utf8_or_none(day, "day")))


def announce(store, all=False, limit=100):
    """Publish patients as they are, at most limit of those that no event has
    told about, or of all: how many, 0 when there are no more."""
    return check(lib.psm_patient_announce, store._handle, int(bool(all)), int32(limit, "limit"))


def search_gaps(record):
    """The columns that a patient lacks before a search can be opened, in order;
    an empty list: none."""
    text = payload_text(record)
    doc = make(lib.psm_json_parse, text, len(text))
    try:
        return _take(make(lib.psm_patient_search_gaps, doc))
    finally:
        lib.psm_json_free(doc)


def handle(tx, event):
    """What an event of TYPES means to the patient service, within tx."""
    if not isinstance(event, Event):
        raise TypeError("event: want a psymatch.Event, got %s" % type(event).__name__)
    check(lib.psm_patient_handle, tx._open, event._handle, None)
