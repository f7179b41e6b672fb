# SPDX-License-Identifier: BSD-2-Clause
"""The Python table says what the headers and the symbol map say."""
import glob
import os
import re
import unittest
from typing import Any

import prototypes
from psymatch import _table, lib

TOP = os.environ["top_srcdir"]


def rows(table: Any) -> Any:
    return {name: (result, types) for name, result, *types in table}


class Table(unittest.TestCase):
    def test_functions_are_those_of_the_headers(self) -> None:
        headers = {n: (r, p) for n, (_, r, p) in prototypes.functions(TOP).items()}
        self.assertGreater(len(headers), 100)
        self.assertEqual(rows(_table.FUNCTIONS), headers)

    def test_callbacks_are_those_of_the_headers(self) -> None:
        self.assertEqual(rows(_table.CALLBACKS), prototypes.callbacks(TOP))

    def test_functions_are_those_of_the_symbol_map(self) -> None:
        with open(os.path.join(TOP, "lib/psymatch.map"), encoding="utf-8") as f:
            symbols = re.findall(r"^\t(psm_\w+);$", f.read(), re.M)
        self.assertEqual(sorted(rows(_table.FUNCTIONS)), sorted(symbols))


# Exported functions that no module calls, and why.
WITHOUT = {
    "psm_config_register": "settings of a C program's own",
    "psm_consumer_on": "psm_consumer_on_with()",
    "psm_consumer_start": "Consumer.start() polls on a thread of Python's",
    "psm_error_add_fault": "of handlers written in C",
    "psm_error_clear": "an exception is new each time",
    "psm_error_code": "the result of the call",
    "psm_error_free": "a few objects are used again and again",
    "psm_error_public": "what an exception says is fit for others",
    "psm_event_payload": "Event.payload reads the text",
    "psm_event_new_from": "Event.new() takes a dict",
    "psm_geo_subscribe": "Processor.on() and Geo.handle()",
    "psm_health_name": "GREEN, AMBER, RED",
    "psm_import_status_on_progress": "of imports that a person waits for in C",
    "psm_import_status_set_state": "of workers written in C",
    "psm_log_level_name": "logging has names of its own",
    "psm_log_wanted": "logging asks its own levels",
    "psm_object_source_new": "storages are libpsymatch-service's",
    "psm_patient_status_from_name": "patients.Status",
    "psm_consumer_handlers": "Consumer.on()",
    "psm_replay_handlers": "Replay.on()",
    "psm_processor_on": "psm_processor_on_with()",
    "psm_producer_send_one": "with Producer() as producer",
    "psm_producer_send_payload": "Producer.send()",
    "psm_program_emit": "App.emit()",
    "psm_program_on": "psm_processor_on_with()",
    "psm_program_transport": "of C programs that add a producer",
    "psm_realloc": "memory",
    "psm_rows_int": "values come as Python has them",
    "psm_set_allocator": "memory",
    "psm_transport_ref": "an object keeps what it uses",
    "psm_uuid_new": "uuid",
    "psm_uuid_valid": "uuid",
}
# A set of handlers, JSON, a payload's members: dicts and functions. What a whole
# service handles: App.serve().
WITHOUT_ALL = re.compile(r"psm_(handlers|json|payload)_|psm_(communication|geo)_(handle|handlers|type_at)$")


class Complete(unittest.TestCase):
    def test_every_function_has_a_python_way(self) -> None:
        text = ""
        for path in glob.glob(os.path.join(os.path.dirname(_table.__file__), "*.py")):
            with open(path, encoding="utf-8") as f:
                text += "" if "_table" in os.path.basename(path) else f.read()
        called = set(re.findall(r"\blib\.(psm_\w+)", text))
        without = {name for name in rows(_table.FUNCTIONS) if name not in called}
        self.assertEqual(sorted(n for n in without if not WITHOUT_ALL.match(n)), sorted(WITHOUT))


class Manual(unittest.TestCase):
    def test_every_setting_stands_in_the_manual_with_its_default(self) -> None:
        with open(os.path.join(TOP, "man/psm_config.3"), encoding="utf-8") as f:
            page = dict(re.findall(r"^\.It Ev (\w+)\n\((.*)\)$", f.read(), re.M))
        settings = {}
        for i in range(lib.psm_config_count()):
            name, kind, default, unit = [f(i).decode() for f in (
                lib.psm_config_name_at, lib.psm_config_type_at,
                lib.psm_config_default_at, lib.psm_config_unit_at)]
            settings[name] = kind, unit, default
        page = {name: ((re.match(r"\w+", text) or "?")[0],
                       (re.search(r" to \d+ ([^;]*)", text) or ["", ""])[1],
                       (re.search(r"; default (.*)", text) or ["", ""])[1])
                for name, text in page.items()}
        self.assertGreater(len(settings), 20)
        self.assertEqual(page, settings)


class Parser(unittest.TestCase):
    """The comparison itself sees a difference."""

    def test_a_changed_parameter_is_seen(self) -> None:
        found = prototypes._PROTOTYPE.findall("PSM_API int psm_x(const char *a,\n size_t b) PSM_CHECK;")
        self.assertEqual(found[0][1], "psm_x")
        self.assertEqual(prototypes._parameters(found[0][2]), ["const char*", "size_t"])
        self.assertNotEqual(prototypes._parameters("const char *a, int b"), ["const char*", "size_t"])


if __name__ == "__main__":
    unittest.main()
