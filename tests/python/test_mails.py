# SPDX-License-Identifier: BSD-2-Clause
import unittest
from typing import Any

import psymatch
from helping import OwnDatabase
from psymatch import errors, mails

MAIL = {"therapist_id": 7, "betreff": "Anfrage - Ref: A12", "inhalt_text": "Guten Tag",
        "empfaenger_email": "praxis@example.org", "empfaenger_name": "Frau Muster"}


class Mails(OwnDatabase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("communication")

    def setUp(self) -> None:
        self.store.execute("DELETE FROM psymatch.outbox")
        self.store.execute("DELETE FROM communication_service.emails")

    def events(self) -> Any:
        return [row[0] for row in self.store.execute("SELECT type FROM psymatch.outbox ORDER BY id")]

    def test_writes_reads_changes_and_deletes(self) -> None:
        mail = mails.create(self.store, MAIL)
        self.assertEqual((mail["status"], mail["betreff"]), ("Entwurf", MAIL["betreff"]))
        self.assertEqual(mails.get(self.store, mail["id"]), (mail, 1))
        changed = mails.update(self.store, mail["id"], {"status": "Gesendet"}, if_version=1)
        self.assertEqual(changed["status"], "Gesendet")
        with self.assertRaises(errors.PreconditionError):
            mails.update(self.store, mail["id"], {"antwort_erhalten": True}, if_version=1)
        with self.assertRaises(errors.TransitionError):
            mails.update(self.store, mail["id"], {"status": "Entwurf"})
        self.assertEqual(mails.list(self.store, therapist_id=7, sort="-created_at")["total"], 1)
        mails.delete(self.store, mail["id"])
        with self.assertRaises(errors.NotFoundError):
            mails.get(self.store, mail["id"])
        self.assertEqual(self.events(), ["communication.email_created", "email.sent", "email.deleted"])

    def test_tells_all_faults(self) -> None:
        with self.assertRaises(errors.SchemaError) as caught:
            mails.create(self.store, {"betreff": "a\nb", "empfaenger_name": "x", "empfaenger_email": "x"})
        self.assertEqual([pointer for pointer, _ in caught.exception.faults],
                         ["/betreff", "/empfaenger_email", "/therapist_id", "/inhalt_text"])

    def test_renders(self) -> None:
        def render(template: Any, mail: Any) -> Any:
            self.assertIsNone(template)
            return None, "<p>%s</p>" % mail["inhalt_markdown"], mail["inhalt_markdown"]

        mail = mails.create(self.store, {**MAIL, "inhalt_markdown": "Grüße"}, render)
        self.assertEqual((mail["inhalt_html"], mail["inhalt_text"]), ("<p>Grüße</p>", "Grüße"))

        def fail(template: Any, mail: Any) -> Any:
            raise KeyError(mail["betreff"])

        with self.assertLogs("psymatch"), self.assertRaises(errors.InvalError) as caught:
            mails.create(self.store, {**MAIL, "inhalt_markdown": "x"}, fail)
        self.assertIn("KeyError", str(caught.exception))
        self.assertNotIn("Anfrage", str(caught.exception))

    def test_once_per_key(self) -> None:
        for new in (True, False):
            with self.store.transaction() as tx:
                mail, is_new = mails.add(tx, MAIL, "inquiry:7")
            self.assertIs(is_new, new)
        self.assertEqual(mails.list(self.store)["total"], 1)

    def queue(self, status: Any = "In_Warteschlange") -> Any:
        return mails.create(self.store, {**MAIL, "status": status})["id"]

    def test_sends_what_is_due(self) -> None:
        seen: list[Any] = []
        number = self.queue()
        self.assertEqual(mails.run_queue(self.store, seen.append), 1)
        self.assertEqual([(m["id"], m["message_id"]) for m in seen],
                         [(number, "<psymatch-mail-%d@curavani.com>" % number)])
        self.assertEqual(mails.get(self.store, number)[0]["status"], "Gesendet")
        self.assertEqual(mails.queue_status(self.store), {
            "due": 0, "later": 0, "oldest_due_seconds": 0, "sending": 0, "suspect": 0, "held": 0})

    def test_what_an_exception_means(self) -> None:
        for error, state, key in ((psymatch.Reject("550 no"), "Fehlgeschlagen", None),
                                  (psymatch.Retry("451 later"), "Fehlgeschlagen", "later"),
                                  (KeyError("x"), "Wird_gesendet", "suspect")):
            def send(mail: Any, error: Any = error) -> None:
                raise error

            self.setUp()
            number = self.queue()
            self.assertEqual(mails.run_queue(self.store, send), 1)
            mail = mails.get(self.store, number)[0]
            self.assertEqual(mail["status"], state)
            self.assertIn("KeyError" if key == "suspect" else str(error), mail["fehlermeldung"])
            status = mails.queue_status(self.store)
            self.assertEqual({k for k in ("later", "suspect") if status[k]}, {key} - {None})

    def test_an_interrupt_is_no_success(self) -> None:
        def stop(*_args: Any) -> Any:
            raise KeyboardInterrupt

        number = self.queue()
        with self.assertLogs("psymatch"), self.assertRaises(KeyboardInterrupt):
            mails.run_queue(self.store, stop)
        self.assertEqual(mails.get(self.store, number)[0]["status"], "Wird_gesendet")
        self.assertEqual(mails.queue_status(self.store)["suspect"], 1)
        with self.assertLogs("psymatch"), self.assertRaises(KeyboardInterrupt):
            mails.create(self.store, {**MAIL, "inhalt_markdown": "x"}, stop)
        self.assertEqual(mails.list(self.store)["total"], 1)

    def test_an_answer(self) -> None:
        number = self.queue("Gesendet")
        text = {"id": "<1@p>", "references": ["<psymatch-mail-%d@x>" % number], "text": "Ja"}
        self.assertEqual(mails.answer(self.store, text), {"email_id": number, "new": True})
        self.assertEqual(mails.answer(self.store, text), {"email_id": number, "new": False})
        self.assertEqual(mails.get(self.store, number)[0]["antwortinhalt"], "Ja")
        with self.assertRaises(errors.NotFoundError):
            mails.answer(self.store, {"text": "Ja"})


if __name__ == "__main__":
    unittest.main()
