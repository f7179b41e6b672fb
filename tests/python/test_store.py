# SPDX-License-Identifier: BSD-2-Clause
import ctypes
import datetime
import decimal
import doctest
import gc
import os
import pickle
import subprocess
import unittest
import uuid
from typing import Any

import psymatch
from helping import OwnDatabase
from psymatch import errors
from psymatch._lib import callbacks
from psymatch.errors import check, make
from psymatch.store import DEAD, PARKED


def new_event(email_id: Any = 7) -> Any:
    return psymatch.Event.new("communication.send_email", "test", {"email_id": email_id})


class Store(OwnDatabase):
    def setUp(self) -> None:
        with self.store.transaction() as tx:
            for table in ("outbox", "inbox", "dead_letter", "parked", "dead_audit"):
                tx.execute("DELETE FROM psymatch." + table)
            tx.execute("DELETE FROM note")

    def ask(self, sql: Any, *params: Any) -> Any:
        with self.store.transaction() as tx:
            return tx.execute(sql, *params)[0][0]

    def test_rows(self) -> None:
        self.store.migrate("therapist")
        berta = {"anrede": "Frau", "geschlecht": "weiblich", "vorname": "Berta", "nachname": "Musterbaum"}
        with self.store.transaction() as tx:
            row, version = tx.create("therapist", dict(berta, plz="10115"))
            self.assertEqual((row["status"], version), ("aktiv", 1))
            row, version = tx.update("therapist", row["id"], {"plz": None, "titel": "Dr."}, if_version=version)
            self.assertEqual((row["plz"], row["titel"], version), ("10115", "Dr.", 2))
            row, version = tx.update("therapist", row["id"], {"plz": None}, merge=True)
            self.assertIsNone(row["plz"])
            row, version = tx.act("therapist", row["id"], "block", {"reason": "zieht um"})
            self.assertEqual((row["sperrgrund"], version), ("zieht um", 4))
            self.assertEqual(tx.get("therapist", row["id"]), (row, 4))
            wrong: Any
            for wrong in ({"page": 2 ** 32 + 1}, {"limit": "20"}, {"page": True}):
                with self.assertRaises((TypeError, ValueError)):
                    tx.list("therapist", **wrong)
            self.assertEqual(tx.list("therapist", status="gesperrt", potenziell_verfuegbar=False, sort="-nachname"),
                             {"data": [row], "page": 1, "limit": 20, "total": 1})
            with self.assertRaises(errors.PreconditionError):
                tx.delete("therapist", row["id"], if_version=1)
            tx.delete("therapist", row["id"], if_version=4)
        self.assertEqual(self.ask("SELECT string_agg(type, ' ' ORDER BY id) FROM psymatch.outbox"),
                         "therapist.created therapist.updated therapist.updated therapist.blocked therapist.deleted")

    def test_the_example_of_rows(self) -> None:
        self.store.migrate("therapist")
        self.store.execute("INSERT INTO therapist_service.therapeuten (id, anrede, geschlecht, vorname, nachname) "
                           "VALUES (7, 'Frau', 'weiblich', 'Berta', 'Musterbaum')")
        self.assertEqual(doctest.testmod(psymatch.rows, extraglobs={"store": self.store, "psymatch": psymatch}), (0, 2))

    def letter(self, raw: Any) -> Any:
        return int(self.ask(
            "INSERT INTO psymatch.dead_letter (consumer, topic, key, raw, code, reason) VALUES ('c', 't', '7', "
            "convert_to($1, 'UTF8'), 'PSM_ERR_PARSE', 'r') RETURNING id", raw))

    def test_values_go_there_and_come_back(self) -> None:
        utc = datetime.timezone.utc
        values = {
            "integer": 7, "bigint": -2 ** 62, "boolean": True, "numeric": decimal.Decimal("1.50"),
            "double precision": 0.1, "text": "it's {\"ä\"}\\", "bytea": b"\x00\xff\\", "date": datetime.date(1990, 2, 3),
            "time": datetime.time(9, 30), "timestamp": datetime.datetime(2025, 3, 30, 2, 30, 0, 500000),
            "timestamptz": datetime.datetime(2025, 8, 11, 9, 44, 0, 120000, tzinfo=utc),
            "uuid": uuid.UUID("0190b5a0-0000-7000-8000-000000000001"), "jsonb": {"a": [1, None, "x"]},
            "json": [1, {"b": False}], "interval": datetime.timedelta(days=1),
        }
        sql = "SELECT " + ", ".join("$%d::%s AS v%d" % (i + 1, name, i) for i, name in enumerate(values))
        row = self.store.execute(sql, *values.values())[0]
        for i, (name, value) in enumerate(values.items()):
            with self.subTest(name):
                self.assertEqual(row["v%d" % i], "1 day" if name == "interval" else value)
                self.assertIs(type(row[i]), str if name == "interval" else type(value))
        none = self.store.execute(sql, *[None] * len(values))[0]
        self.assertEqual(set(none), {None})
        self.assertEqual(self.ask("SELECT ARRAY['a,b', NULL, 'c\"\\d', '']"), ["a,b", None, 'c"\\d', ""])
        self.assertEqual(self.ask("SELECT ARRAY[1, NULL, 3]"), [1, None, 3])
        self.assertEqual(self.ask("SELECT 'infinity'::timestamptz"), "infinity")
        for text, value in (("'{{1,2},{3,NULL}}'::int[]", [[1, 2], [3, None]]), ("'{}'::int[]", []),
                            ("'{{a,b},{\"{\",\"NULL\"}}'::text[]", [["a", "b"], ["{", "NULL"]]),
                            ("'[0:1]={a,b}'::text[]", "[0:1]={a,b}"), ("'0044-03-15 BC'::date", "0044-03-15 BC")):
            with self.subTest(text):
                self.assertEqual(self.ask("SELECT " + text), value)
        for value in (float("nan"), float("inf"), float("-inf")):
            self.assertEqual(repr(self.ask("SELECT $1::float8", value)), repr(value))

    def test_bytes_come_back_whatever_bytea_output_is(self) -> None:
        with self.store.transaction() as tx:
            tx.execute("SET LOCAL bytea_output = 'escape'")
            for value in (b"abcd12", b"\x00\xff\\x41'\\\\", b"\\x41", b"\\101", b"", bytes(range(256))):
                with self.subTest(value):
                    self.assertEqual(tx.execute("SELECT $1::bytea", value), [(value,)])

    def test_rows_tell_their_columns(self) -> None:
        rows = self.store.execute("SELECT 1 AS one, 'b' AS two UNION SELECT 2, 'c' ORDER BY 1")
        self.assertEqual([row.as_dict() for row in rows], [{"one": 1, "two": "b"}, {"one": 2, "two": "c"}])
        self.assertEqual(rows[0], (1, "b"))
        self.assertEqual(pickle.loads(pickle.dumps(rows[1]))["two"], "c")
        with self.assertRaises(KeyError):
            rows[0]["three"]
        twice = self.store.execute("SELECT 1 AS one, 2 AS one, 3 AS two")[0]
        self.assertEqual((twice["one"], twice.as_dict()), (1, {"one": 1, "two": 3}))
        self.assertEqual(self.store.execute("SELECT 1 AS one WHERE false"), [])
        self.assertEqual(self.store.execute("INSERT INTO note VALUES (1), (2)"), 2)

    def test_what_would_mean_something_else_is_refused(self) -> None:
        self.store.execute("INSERT INTO note VALUES (1), (2)")
        error: Any
        sql: Any
        for error, sql, *params in (
                (ValueError, "DELETE FROM note\0 WHERE id = 1"),
                (ValueError, "DELETE FROM note WHERE id::text = $1", "1\0x"),
                (ValueError, "DELETE FROM note WHERE id::text = $1", "\ud800"),
                (ValueError, "SELECT $1::jsonb", {"a": float("nan")}),
                (TypeError, b"DELETE FROM note"),
                (TypeError, "DELETE FROM note WHERE id = $1", object()),
                (TypeError, "DELETE FROM note WHERE id = ANY ($1)", {1, 2})):
            with self.subTest(sql), self.assertRaises(error):
                self.store.execute(sql, *params)
        self.assertEqual(self.ask("SELECT count(*) FROM note"), 2)
        wrong: Any
        for wrong in (b"s", None, "psymatch\0"):
            with self.assertRaises((TypeError, ValueError)):
                self.store.migrate(wrong)
        with self.store.transaction() as tx:
            with self.assertRaises(TypeError):
                tx.emit("no event")  # type: ignore[arg-type]
            with self.assertRaises(TypeError):
                tx.emit(new_event(), required="matching")

    def test_a_store_may_be_collected_before_its_transaction(self) -> None:
        settings = self.store._config

        def work() -> Any:
            store = psymatch.Store(settings)
            tx = store.transaction()
            try:
                tx.execute("SELECT nonsense")
            except psymatch.PsmError as e:
                kept = e  # frame -> e -> traceback -> frame
                return str(kept)

        for _ in range(20):
            self.assertIn("nonsense", work())
            gc.collect()

    def test_change_and_event_together_or_not_at_all(self) -> None:
        with self.store.transaction() as tx:
            self.assertEqual(tx.execute("INSERT INTO note VALUES ($1::integer), (2)", 1), 2)
            tx.emit(new_event())
        with self.assertRaises(errors.ConflictError), self.store.transaction() as tx:
            tx.emit(new_event())
            tx.execute("INSERT INTO note VALUES (1)")
        with self.assertRaises(KeyError), self.store.transaction() as tx:
            tx.execute("INSERT INTO note VALUES (3)")
            raise KeyError
        self.assertEqual(self.ask("SELECT count(*) FROM note"), 2)
        self.assertEqual(self.ask("SELECT count(*) FROM psymatch.outbox"), 1)
        with self.assertRaises(ValueError):
            tx.execute("SELECT 1")
        self.assertIsNone(self.ask("SELECT NULL::text"))

    def test_queued_statements_are_sent_with_the_next_one(self) -> None:
        with self.store.transaction() as tx:
            for i in range(1, 4):
                tx.queue("INSERT INTO note VALUES ($1::integer)", i)
            self.assertEqual(tx.execute("SELECT id FROM note ORDER BY id"), [(1,), (2,), (3,)])
        with self.assertRaises(errors.ConflictError), self.store.transaction() as tx:
            tx.queue("INSERT INTO note VALUES (4)")
            tx.queue("INSERT INTO note VALUES ($1::integer)", 1)  # says nothing yet
        self.assertEqual(self.ask("SELECT count(*) FROM note"), 3)
        with self.assertRaises(ValueError):
            tx.queue("SELECT 1")

    def test_a_replay_into_the_handlers_of_a_processor(self) -> None:
        lib, calls = psymatch.lib, []
        transport, config = psymatch.Transport.memory(1), psymatch.Config(from_env=False, PSYMATCH_SPOOL_DIR="none")
        with psymatch.Producer(transport, config) as p:
            for i in range(1, 4):
                p.send(new_event(i))
            self.assertEqual(p.flush(20000), 0)

        def handler(tx: Any, event: Any, _user: Any, err: Any) -> Any:
            key = lib.psm_event_key(event)
            calls.append((int(key), bool(lib.psm_event_is_replay(event))))
            return lib.psm_tx_queue(tx, b"INSERT INTO note VALUES ($1::integer)", 1, (ctypes.c_char_p * 1)(key), err)

        function = callbacks["psm_tx_event_fn"](handler)
        options = make(lib.psm_handler_options_new)
        check(lib.psm_handler_options_on_failure, options, 1, 5)
        processor = make(lib.psm_processor_new, self.store._handle, transport._handle, config._handle, b"python")
        check(lib.psm_processor_on_with, processor, b"communication.send_email", options, function, None)
        lib.psm_handler_options_free(options)
        replay = make(lib.psm_replay_new, transport._handle, b"communication-events")
        with self.assertRaises(errors.StateError):
            check(lib.psm_processor_replay, processor, replay, 20000)
        check(lib.psm_replay_into_live, replay)
        check(lib.psm_processor_replay, processor, replay, 20000)
        self.assertEqual(calls, [(1, True), (2, True), (3, True)])
        self.assertEqual(self.ask("SELECT string_agg(id::text, ',' ORDER BY id) FROM note"), "1,2,3")
        check(lib.psm_processor_replay, processor, replay, 20000)  # known by the inbox
        self.assertEqual((lib.psm_replay_stat(replay, b"handled"), lib.psm_replay_stat(replay, b"duplicates")), (0, 3))
        lib.psm_replay_free(replay)
        lib.psm_processor_free(processor)
        tables = (ctypes.c_char_p * 1)(b"public.note")
        check(lib.psm_store_shadow, self.store._handle, b"shadow", tables, 1)
        self.assertEqual(self.ask("SELECT count(*) FROM shadow.note"), 0)
        check(lib.psm_store_shadow_drop, self.store._handle, b"shadow")

    def test_required_event_says_who_has_not_handled_it(self) -> None:
        event = new_event()
        with self.assertRaises(errors.UnconfirmedError) as caught, self.store.transaction() as tx:
            tx.execute("INSERT INTO note VALUES (1)")
            tx.emit(event, required=["matching", "patient"])
            tx.set_wait(20)
        self.assertIn("matching has not handled " + event.id, str(caught.exception))
        self.assertFalse(caught.exception.retriable)
        self.assertEqual(self.ask("SELECT count(*) FROM note"), 1)

    def test_wait_handled(self) -> None:
        event = new_event()
        with self.assertRaises(errors.TimeoutError):
            self.store.wait_handled(event.id, "c", 20)
        with self.store.transaction() as tx:
            tx.execute("INSERT INTO psymatch.inbox VALUES ('c', $1::uuid)", event.id)
        self.store.wait_handled(event.id, "c")
        with self.assertRaises(errors.InvalError):
            self.store.wait_handled("7", "c")

    def test_dead_letters(self) -> None:
        bad, good = self.letter('{"name":'), self.letter(new_event().encode().decode())
        rows = self.store.dead(state="dead", consumer="c")
        self.assertEqual([r["id"] for r in rows], [bad, good])
        self.assertEqual(rows[0]["key"], "7")
        self.assertEqual(self.store.dead(after=bad, limit=5)[0]["id"], good)
        self.assertEqual(self.store.dead(PARKED), [])
        self.assertIsNone(self.store.dead_show(bad)["raw"])
        self.assertEqual(self.store.dead_show(bad, payload=True)["raw"], '{"name":')
        self.assertEqual(self.store.dead_raw(bad), b'{"name":')
        with self.assertRaises(errors.ParseError):
            self.store.dead_edit(bad, b"{", "anna", "why")
        self.store.dead_edit(bad, new_event().encode(), "anna", "was cut off")
        self.store.dead_release(bad, "anna", "was cut off")
        with self.assertRaises(errors.StateError):
            self.store.dead_release(bad, "anna", "again")
        self.assertEqual([h["action"] for h in self.store.dead_show(bad)["history"]], ["edit", "release"])
        parked = self.store.dead(PARKED)[0]
        self.assertEqual(parked["state"], "retry")
        self.store.dead_skip(parked["id"], "anna", "not needed", source=PARKED)
        self.store.dead_skip(good, "anna", "not needed")
        with self.assertRaises(errors.NotFoundError):
            self.store.dead_show(10 ** 9, source=DEAD)
        stats = {(s["source"], s["state"]): s["count"] for s in self.store.dead_stats()}
        self.assertEqual(stats, {("dead", "released"): 1, ("dead", "skipped"): 2})

    def test_upkeep_and_health(self) -> None:
        self.store.maintain()
        self.assertEqual(self.store.health()[0], psymatch.GREEN)
