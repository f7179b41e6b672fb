# SPDX-License-Identifier: BSD-2-Clause
"""Inquiries to therapists: psm_inquiry(3). Rows are dicts, named as their
columns.

>>> with store.transaction() as tx:  # whom the matching service knows by events
...     for type, data in (("therapist", {"id": 5, "plz": "12345", "status": "aktiv", "nachname": "C",
...                                       "email": "c@example.org"}),
...                        ("patient", {"id": 61, "plz": "12347", "geburtsdatum": "1990-01-01",
...                                     "status": "auf_der_Suche"})):
...         psymatch.searches.handle(tx, psymatch.Event.new(type + ".created", "example", {
...             type + "_id": data["id"], type + "_data": data}))
...     done = tx.execute("INSERT INTO matching_service.platzsuche (patient_id) VALUES (61)")
>>> made = inquiries.create(store, therapist_id=5, plz_prefix="12")
>>> made["patient_ids"]
[61]
>>> def render(template, values):
...     return "Anfrage A%d" % values["anfrage_id"], "<p>Guten Tag</p>", "Guten Tag"
>>> inquiries.send(store, made["anfrage_id"], render)["communication_type"]
'email'

What a program has read of an answer by mail is a proposal, which a person
refuses or confirms; or the person says it:

>>> inquiries.read_text("Re: Anfrage", "Leider habe ich keine Plätze frei.", [61], "2026-11-30")["patient_responses"]
{'61': 'abgelehnt_Kapazitaet'}
>>> for event in ("a", "b"):
...     done = store.execute("INSERT INTO matching_service.antwortvorschlag (therapeutenanfrage_id, event_id, "
...                          "erstellt_am, vorschlag, konfidenz) VALUES ($1, $2, now(), $3, 50)",
...                          made["anfrage_id"], event, {"patient_responses": {"61": "angenommen"}})
>>> proposals = inquiries.proposals(store)
>>> inquiries.refuse(store, proposals[0]["id"], "misread")
>>> inquiries.confirm(store, proposals[1]["id"])["response_type"]
'vollstaendige_Annahme'
>>> inquiries.answer(store, made["anfrage_id"], {61: inquiries.Outcome.FULL}, correction=True)["response_type"]
'vollstaendige_Ablehnung'
>>> row, version = inquiries.get(store, made["anfrage_id"])
>>> inquiries.list(store, therapist_id=5)["total"], inquiries.matches(store, status="abgelehnt")["total"]
(1, 1)
>>> inquiries.conflicts(store)
[]
>>> inquiries.ask_distances(store, made["anfrage_id"])  # the geocoding service answers later
1
>>> inquiries.distances(store, made["anfrage_id"])["data"][0]["patient_id"]
61

One that is not sent, or did not arrive:

>>> inquiries.cancel(store, made["anfrage_id"], "too late")
Traceback (most recent call last):
...
psymatch.TransitionError: ...
>>> with store.transaction() as tx:
...     inquiries.not_sent(tx, made["anfrage_id"], "the mail was refused")  # it has an answer
...     inquiries.handed_over(tx, made["anfrage_id"], email_id=7)
False
False
>>> inquiries.delete(store, made["anfrage_id"], force=True)

The rules without a database:

>>> inquiries.state(True, False, False) == inquiries.State.SENT, inquiries.transition("sent", "answered")
(True, True)
"""
from __future__ import annotations

import ctypes
import enum
from typing import Any, List, Mapping, Sequence, TYPE_CHECKING, Union

from ._json import got, listed, taken, taken_list, with_size
from ._lib import lib
from ._text import int32, int64, utf8, utf8_or_none
from .errors import BY_NAME, check, check_code, make
from .event import _all
from .mails import Renderer, _out, rendering

if TYPE_CHECKING:
    import datetime

    from .store import Store, Transaction


class Outcome(str, enum.Enum):
    """What a therapist says of one patient (patientenergebnis)."""
    ACCEPTED = "angenommen"
    FULL = "abgelehnt_Kapazitaet"
    UNFIT = "abgelehnt_nicht_geeignet"
    OTHER = "abgelehnt_sonstiges"
    ABSENT = "nicht_erschienen"
    IN_SESSIONS = "in_Sitzungen"


# An outcome for each patient's number, or {"outcome", "notizen"}.
Answers = Mapping[Union[int, str], Union[Outcome, str, Mapping[str, Any]]]


def _options(**options: Any) -> Any:
    return with_size({name: value for name, value in options.items() if value is not None})


def create(store: Store, therapist_id: int, plz_prefix: str, override_cooling: bool | None = None, notizen: str | None = None,
           strategie: str | None = None) -> dict[str, Any]:
    """Compose an inquiry of those who fit; "anfrage_id" is None if nobody does."""
    return taken(_out(lib.psm_inquiry_create, store._handle, int64(therapist_id, "therapist_id"),
                      utf8(plz_prefix, "plz_prefix"),
                      *_options(override_cooling=override_cooling, notizen=notizen, strategie=strategie))[1])


def send(store: Store, id: int, render: Renderer | None = None, override_cooling: bool | None = None) -> dict[str, Any]:
    """Send it, once. render("psychotherapie_anfrage", values) makes (subject,
    html, text); a therapist without a mail address is called and needs none."""
    with rendering(render) as function:
        return taken(_out(lib.psm_inquiry_send, store._handle, int64(id, "id"),
                          *_options(override_cooling=override_cooling), function, None)[1])


def _answer(responses: Any, notizen: Any, correction: Any) -> Any:
    responses = {str(patient): outcome.value if isinstance(outcome, Outcome) else outcome
                 for patient, outcome in responses.items()}
    return with_size({"patient_responses": responses, "notizen": notizen, "correction": correction})


def answer(store: Store, id: int, responses: Answers, notizen: str | None = None, correction: bool = False) -> dict[str, Any]:
    """Record what the therapist says: an outcome for each patient's number, or
    {"outcome", "notizen"}."""
    return taken(_out(lib.psm_inquiry_answer, store._handle, int64(id, "id"),
                      *_answer(responses, notizen, correction))[1])


def handed_over(tx: Transaction, id: int, email_id: int = 0, phone_call_id: int = 0) -> bool:
    """Its mail or call was made in another database; False: it has one."""
    return bool(check(lib.psm_inquiry_handed_over, tx._open, int64(id, "id"), int64(email_id, "email_id"),
                      int64(phone_call_id, "phone_call_id")))


def not_sent(tx: Transaction, id: int, reason: str) -> bool:
    """It did not reach its therapist: it may be sent again, or cancelled; False:
    it is not one that was sent and has no answer."""
    return bool(check(lib.psm_inquiry_not_sent, tx._open, int64(id, "id"), utf8(reason, "reason")))


def cancel(store: Store, id: int, reason: str) -> None:
    """Cancel one that was not sent."""
    check(lib.psm_inquiry_cancel, store._handle, int64(id, "id"), utf8(reason, "reason"))


def delete(store: Store, id: int, force: bool = False) -> None:
    """Delete one; ConflictError: it was sent, and it is not forced."""
    check(lib.psm_inquiry_delete, store._handle, int64(id, "id"), int(force))


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(inquiry, version)"""
    return got(lib.psm_inquiry_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """{"data": [inquiry], "page", "limit", "total"}; filters, sort, page and
    limit by name."""
    return listed(lib.psm_inquiry_list, store, query)


def matches(store: Store, **query: Any) -> dict[str, Any]:
    """The same of the patients in inquiries."""
    return listed(lib.psm_inquiry_matches, store, query)


def ask_distances(store: Store, id: int) -> int:
    """Ask the geocoding service, by events, how far the patients of an inquiry
    have to go: how many were asked for. NotFoundError."""
    return check(lib.psm_inquiry_ask_distances, store._handle, int64(id, "id"))


def distances(store: Store, id: int) -> dict[str, Any]:
    """What was answered: {"anfrage_id", "data": [{"match_id", "patient_id",
    "distance_km", "status", "source", "asked_at"}]}. NotFoundError."""
    return taken(make(lib.psm_inquiry_distances, store._handle, int64(id, "id")))


def conflicts(store: Store) -> List[dict[str, Any]]:
    """The patients whom more than one therapist accepted."""
    return taken_list(make(lib.psm_inquiry_conflicts, store._handle))


def read_text(subject: str | None, text: str | None, patients: Sequence[int], today: str | datetime.date) -> dict[str, Any]:
    """What the text of an answer says of these patients; today: a date."""
    ids = (ctypes.c_int64 * len(patients))(*(int64(id, "patients") for id in patients))
    return taken(make(lib.psm_inquiry_read_text, utf8_or_none(subject, "subject"), utf8_or_none(text, "text"), ids,
                      len(patients), utf8(str(today), "today")))


def proposals(store: Store, status: str | None = "offen", limit: int = 100) -> List[dict[str, Any]]:
    """What was read of answers by mail, the newest first."""
    return taken_list(make(lib.psm_inquiry_proposals, store._handle, utf8_or_none(status, "status"), int32(limit, "limit")))


def confirm(store: Store, id: int, responses: Answers | None = None, notizen: str | None = None) -> dict[str, Any]:
    """Record a proposal, or what a person made of it, as the answer."""
    data, size = (None, 0) if responses is None else _answer(responses, notizen, False)
    return taken(_out(lib.psm_inquiry_proposal_confirm, store._handle, int64(id, "id"), data, size)[1])


def refuse(store: Store, id: int, reason: str | None = None) -> None:
    """Refuse a proposal."""
    check(lib.psm_inquiry_proposal_refuse, store._handle, int64(id, "id"), utf8_or_none(reason, "reason"))


if TYPE_CHECKING:  # for type checkers: the library's table makes it
    class State(str, enum.Enum):
        UNSENT = "unsent"
        SENT = "sent"
        ANSWERED = "answered"
        CANCELLED = "cancelled"
else:
    State = enum.Enum("State", {word.upper(): word for word in _all(lib.psm_inquiry_state_name)}, type=str, module=__name__)
State.__doc__ = "Where an inquiry stands; each is equal to its word, State.SENT == \"sent\"."


def state(sent: object, answered: object, cancelled: object) -> State:
    """The State that the dates of an inquiry mean, each true if it is set.
    InvalError: they exclude each other."""
    return tuple(State)[check_code(lib.psm_inquiry_state(*(int(bool(d)) for d in (sent, answered, cancelled))))]


def transition(old: State | str, new: State | str) -> bool:
    """Whether an inquiry may change its State so."""
    try:
        check(lib.psm_inquiry_transition, *(check_code(lib.psm_inquiry_state_from_name(utf8(
            word.value if isinstance(word, State) else word, "state"))) for word in (old, new)))
    except BY_NAME["TransitionError"]:
        return False
    return True
