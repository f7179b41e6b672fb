# SPDX-License-Identifier: BSD-2-Clause
import datetime
import unittest
from typing import Any

from helping import OwnDatabase
from psymatch import errors, inquiries
from psymatch.inquiries import Outcome


def render(template: Any, values: Any) -> Any:
    assert template == "psychotherapie_anfrage"
    return "Anfrage A%d" % values["anfrage_id"], "<p>%d</p>" % values["patient_count"], "Guten Tag"


class Inquiries(OwnDatabase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name in ("communication", "matching"):
            cls.store.migrate(name)

    def setUp(self) -> None:
        for table in ("matching_service.therapeutenanfrage", "matching_service.platzsuche", "psymatch.outbox",
                      "matching_service.therapeuten_kopie", "matching_service.patienten_kopie",
                      "communication_service.emails"):
            self.store.execute("DELETE FROM " + table)
        self.store.execute("INSERT INTO matching_service.therapeuten_kopie (id, anrede, nachname, plz, email, status, "
                           "event_time, event_id) VALUES (5, 'Frau', 'Musterbaum', '10115', 'a@example.org', 'aktiv', "
                           "now(), 'x')")
        for patient in (7, 8):
            self.store.execute("INSERT INTO matching_service.patienten_kopie (id, plz, geburtsdatum, status, "
                               "event_time, event_id) VALUES (%d, '10117', '1990-01-01', 'auf_der_Suche', now(), "
                               "'x')" % patient)
            self.store.execute("INSERT INTO matching_service.platzsuche (id, patient_id) VALUES (%d, %d)" %
                               (patient, patient))

    def events(self) -> Any:
        return [row[0] for row in self.store.execute("SELECT type FROM psymatch.outbox ORDER BY id")]

    def sent(self) -> Any:
        made = inquiries.create(self.store, 5, "10", notizen="eilig")
        inquiries.send(self.store, made["anfrage_id"], render)
        return made["anfrage_id"]

    def test_the_whole_way(self) -> None:
        made = inquiries.create(self.store, 5, "10")
        self.assertEqual((made["patient_ids"], made["strategie"]), ([7, 8], "fifo"))
        id = made["anfrage_id"]
        sent = inquiries.send(self.store, id, render)
        self.assertEqual((sent["gesendet"], sent["communication_type"]), (True, "email"))
        self.assertEqual(self.store.execute("SELECT betreff FROM communication_service.emails")[0][0],
                         "Anfrage A%d" % id)
        with self.assertRaises(errors.TransitionError):
            inquiries.send(self.store, id, render)
        answer = inquiries.answer(self.store, id, {7: Outcome.ACCEPTED, 8: "abgelehnt_Kapazitaet"}, "am Telefon")
        self.assertEqual(answer["response_type"], "teilweise_Annahme")
        with self.assertRaises(errors.ConflictError):
            inquiries.answer(self.store, id, {7: Outcome.FULL, 8: Outcome.FULL})
        inquiries.answer(self.store, id, {7: Outcome.FULL, 8: Outcome.FULL}, correction=True)
        row, version = inquiries.get(self.store, id)
        self.assertEqual((row["antworttyp"], version), ("vollstaendige_Ablehnung", 4))
        self.assertEqual(inquiries.list(self.store, therapist_id=5)["total"], 1)
        self.assertEqual(inquiries.matches(self.store, status="abgelehnt")["total"], 2)
        self.assertEqual(inquiries.conflicts(self.store), [])
        self.assertEqual(self.events().count("therapeutenanfrage.sent"), 1)

    def test_distances(self) -> None:
        id = inquiries.create(self.store, 5, "10")["anfrage_id"]
        self.assertEqual(inquiries.ask_distances(self.store, id), 2)
        found = inquiries.distances(self.store, id)
        self.assertEqual([(d["patient_id"], d["status"]) for d in found["data"]], [(7, "pending"), (8, "pending")])
        self.assertEqual(self.events().count("geocoding.calculate_distance"), 2)
        with self.assertRaises(errors.NotFoundError):
            inquiries.distances(self.store, 999999)

    def test_an_interrupt_goes_on(self) -> None:
        def stop(*_args: Any) -> Any:
            raise KeyboardInterrupt

        id = inquiries.create(self.store, 5, "10")["anfrage_id"]
        with self.assertLogs("psymatch"), self.assertRaises(KeyboardInterrupt):
            inquiries.send(self.store, id, stop)
        self.assertIsNone(inquiries.get(self.store, id)[0]["gesendet_datum"])

    def test_nobody_fits(self) -> None:
        self.store.execute("UPDATE matching_service.platzsuche SET ausgeschlossene_therapeuten = '[5]'")
        made = inquiries.create(self.store, 5, "10")
        self.assertIsNone(made["anfrage_id"])
        self.assertEqual(made["gruende"], {"excluded": 2})

    def test_tells_all_faults(self) -> None:
        id = self.sent()
        with self.assertRaises(errors.SchemaError) as caught:
            inquiries.answer(self.store, id, {8: "ja", 9: Outcome.FULL})
        self.assertEqual(sorted(pointer for pointer, _ in caught.exception.faults),
                         ["/patient_responses/7", "/patient_responses/8", "/patient_responses/9"])

    def test_one_that_did_not_arrive(self) -> None:
        id = self.sent()
        with self.store.transaction() as tx:
            self.assertFalse(inquiries.handed_over(tx, id, email_id=99))
            self.assertTrue(inquiries.not_sent(tx, id, "550 unknown user"))
            self.assertFalse(inquiries.not_sent(tx, id, "550 unknown user"))
        row, _ = inquiries.get(self.store, id)
        self.assertIsNone(row["gesendet_datum"])
        self.assertIn("550 unknown user", row["notizen"])

    def test_ends_that_were_not_sent(self) -> None:
        id = inquiries.create(self.store, 5, "10")["anfrage_id"]
        inquiries.cancel(self.store, id, "Praxis geschlossen")
        with self.assertRaises(errors.TransitionError):
            inquiries.cancel(self.store, id, "again")
        inquiries.delete(self.store, id)
        with self.assertRaises(errors.NotFoundError):
            inquiries.get(self.store, id)
        sent = self.sent()
        with self.assertRaises(errors.ConflictError):
            inquiries.delete(self.store, sent)
        inquiries.delete(self.store, sent, force=True)

    def test_reads_texts(self) -> None:
        read = inquiries.read_text("AW: Ref: A1", "71: ja, 72 leider erst ab Mai", [71, 72],
                                   datetime.date(2026, 3, 2))
        self.assertEqual(read["patient_responses"], {"71": Outcome.ACCEPTED, "72": Outcome.FULL})
        self.assertEqual(read["bis"], "2026-05-01")
        with self.assertRaises(errors.InvalError):
            inquiries.read_text(None, None, [], "heute")

    def test_proposals(self) -> None:
        id = self.sent()
        insert = ("INSERT INTO matching_service.antwortvorschlag (therapeutenanfrage_id, event_id, erstellt_am, "
                  "vorschlag, konfidenz) VALUES (%d, '%s', now(), '{\"patient_responses\": {\"7\": \"angenommen\"}}', "
                  "50) RETURNING id")
        first = int(self.store.execute(insert % (id, "a"))[0][0])
        second = int(self.store.execute(insert % (id, "b"))[0][0])
        self.assertEqual([p["id"] for p in inquiries.proposals(self.store)], [second, first])
        inquiries.refuse(self.store, second, "falsch gelesen")
        with self.assertRaises(errors.SchemaError):
            inquiries.confirm(self.store, first)
        done = inquiries.confirm(self.store, first, {7: Outcome.ACCEPTED, 8: Outcome.OTHER})
        self.assertEqual(done["response_type"], "teilweise_Annahme")
        self.assertEqual(inquiries.proposals(self.store), [])
        with self.assertRaises(errors.ConflictError):
            inquiries.refuse(self.store, second)
        with self.assertRaises(ValueError):
            inquiries.proposals(self.store, limit=2 ** 32 + 1)


if __name__ == "__main__":
    unittest.main()
