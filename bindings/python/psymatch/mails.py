# SPDX-License-Identifier: BSD-2-Clause
"""E-mails: psm_mail(3). Mails are dicts, named as their columns.

>>> text = {"therapist_id": 7, "betreff": "Anfrage", "inhalt_text": "Guten Tag",
...         "empfaenger_email": "praxis@example.org", "empfaenger_name": "Frau Muster"}
>>> mail = mails.create(store, text)
>>> mail["status"]
'Entwurf'
>>> mail = mails.update(store, mail["id"], {"status": "In_Warteschlange"}, if_version=1)
>>> mails.queue_status(store)["due"]
1
>>> mails.run_queue(store, lambda mail: print("to", mail["empfaenger_email"]))  # sends what is due
to praxis@example.org
1
>>> mail, version = mails.get(store, mail["id"])
>>> mail["status"], mails.list(store, therapist_id=7, status="Gesendet")["total"]
('Gesendet', 1)
>>> mails.answer(store, {"text": "Ja", "references": ["<psymatch-mail-%d@example.org>" % mail["id"]]})["new"]
True
>>> mails.delete(store, mail["id"])

Once, within a transaction; from Markdown, by a function of the program's:

>>> with store.transaction() as tx:
...     mail, new = mails.add(tx, text, once_key="inquiry:7")
...     mails.handle(tx, psymatch.Event.new("email.send", "example", {"email_id": mail["id"]}))
>>> mails.create(store, {**text, "inhalt_markdown": "*Hallo*"}, lambda template, mail: (None, "<p>Hallo</p>", "Hallo"))["inhalt_text"]
'Hallo'
"""
from __future__ import annotations

import contextlib
import ctypes
import json
import logging
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple, TYPE_CHECKING

from . import log
from ._json import changed, got, listed, taken, with_size
from ._lib import callbacks, lib
from ._raised import keep, passed_on
from ._text import int64, utf8_or_none
from .errors import BY_NAME, check, code_of, make
from .event import handled_by
from .rows import ANY

if TYPE_CHECKING:
    from .event import Event
    from .store import Store, Transaction

# What makes (subject, html, text) of a template's name and values.
Renderer = Callable[[Optional[str], Dict[str, Any]], Tuple[Optional[str], Optional[str], Optional[str]]]
_CODES = ((BY_NAME["RejectError"], code_of("PSM_ERR_REJECT")), (BY_NAME["RetryError"], code_of("PSM_ERR_RETRY")))
_UNCONFIRMED = code_of("PSM_ERR_UNCONFIRMED")
_INVAL = code_of("PSM_ERR_INVAL")
_NO_RENDERER = callbacks["psm_mail_render_fn"]()


def _give(to: Any, text: Any) -> None:
    """Memory that the library frees, for a text or None."""
    if text is not None:
        data = text.encode() + b"\0"
        to[0] = lib.psm_alloc(len(data))
        ctypes.memmove(to[0], data, len(data))


@contextlib.contextmanager
def rendering(render: Renderer | None) -> Iterator[Any]:
    """The library's renderer for a function or None, while it is used; an
    interrupt within it goes on."""
    with passed_on():
        yield _NO_RENDERER if render is None else _renderer(render)


def _renderer(render: Any) -> Any:
    def call(template: Any, values: Any, subject: Any, html: Any, text: Any, _user: Any, err: Any) -> Any:
        try:
            done = render(template.decode() if template is not None else None, json.loads(values.decode()))
            for to, part in zip((subject, html, text), done):
                _give(to, part)
            return 0
        except BaseException as e:
            keep(e)
            log.say(logging.ERROR, "a renderer of mails failed", {"exception": type(e).__name__})
            lib.psm_error_set(err, _INVAL, ("the renderer raised %s" % type(e).__name__).encode())
            return _INVAL

    return callbacks["psm_mail_render_fn"](call)


def create(store: Store, mail: Mapping[str, Any], render: Renderer | None = None) -> dict[str, Any]:
    """Write a mail; it comes back with every column. render(None, mail) makes
    (None, html, text) of its content, which may be inhalt_markdown then."""
    with rendering(render) as function:
        return taken(_out(lib.psm_mail_create, store._handle, *with_size(mail), function, None)[1])


def add(tx: Transaction, mail: Mapping[str, Any], once_key: str | None = None) -> tuple[dict[str, Any], bool]:
    """The same within a transaction, and once per key: (mail, True if it is
    new)."""
    rc, pointer = _out(lib.psm_mail_make, tx._open, *with_size(mail), utf8_or_none(once_key, "once_key"))
    return taken(pointer), rc == 1


def _out(function: Any, *args: Any) -> Any:
    """A function that gives a text, and a number beside it."""
    pointer = ctypes.c_void_p()
    rc = check(function, *args, ctypes.byref(pointer))
    return rc, pointer


def get(store: Store, id: int) -> tuple[dict[str, Any], int]:
    """(mail, version)"""
    return got(lib.psm_mail_get, store, id)


def list(store: Store, **query: Any) -> dict[str, Any]:  # noqa: A001
    """{"data": [mail], "page", "limit", "total"}; filters, sort, page and limit
    by name."""
    return listed(lib.psm_mail_list, store, query)


def update(store: Store, id: int, changes: Mapping[str, Any], if_version: int = ANY) -> dict[str, Any]:
    """Change what a person may change; the mail as it is then."""
    return changed(lib.psm_mail_update, store, id, changes, if_version)


def delete(store: Store, id: int, if_version: int = ANY) -> None:
    """Delete a mail."""
    check(lib.psm_mail_delete, store._handle, int64(id, "id"), int64(if_version, "if_version"))


def answer(store: Store, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Store the answer to a mail, once: {"email_id": n, "new": bool}."""
    return taken(make(lib.psm_mail_answer, store._handle, *with_size(answer)))


def _sender(send: Any) -> Any:
    def call(mail: Any, _user: Any, err: Any) -> Any:
        code, said = _UNCONFIRMED, ""
        try:
            send(json.loads(mail.decode()))
            return 0
        except tuple(kind for kind, _ in _CODES) as e:
            code, said = next(c for kind, c in _CODES if isinstance(e, kind)), str(e)
        except BaseException as e:
            keep(e)
            log.say(logging.ERROR, "a sender of mails failed", {"exception": type(e).__name__})
            said = "the sender raised %s" % type(e).__name__
        lib.psm_error_set(err, code, said.encode("utf-8", "replace"))
        return code

    return callbacks["psm_mail_send_fn"](call)


def run_queue(store: Store, send: Callable[[dict[str, Any]], object]) -> int:
    """Send what is due by send(mail); how many were tried.

    psymatch.Reject says that it was refused for good, psymatch.Retry that it
    was not sent and is to be tried later. After any other exception nobody
    knows, and EMAIL_SUSPECT_POLICY decides. What is no Exception, such as
    KeyboardInterrupt, is raised again when the batch is done.
    """
    with passed_on():
        return check(lib.psm_mail_queue_run, store._handle, _sender(send), None)


def queue_status(store: Store) -> dict[str, int]:
    """{"due", "later", "oldest_due_seconds", "sending", "suspect", "held"}"""
    return taken(make(lib.psm_mail_queue_status, store._handle))


def handle(tx: Transaction, event: Event) -> None:
    """What the commands "communication.send_email" and "email.send" ask for,
    within tx: the mail is due at once."""
    handled_by(lib.psm_mail_handle, tx, event)
