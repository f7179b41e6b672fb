# SPDX-License-Identifier: BSD-2-Clause
"""The Python table says what the headers and the symbol map say."""
import os
import re
import unittest

import prototypes
from psymatch import _table, lib

TOP = os.environ["top_srcdir"]


def rows(table):
    return {name: (result, types) for name, result, *types in table}


class Table(unittest.TestCase):
    def test_functions_are_those_of_the_headers(self):
        headers = {n: (r, p) for n, (_, r, p) in prototypes.functions(TOP).items()}
        self.assertGreater(len(headers), 100)
        self.assertEqual(rows(_table.FUNCTIONS), headers)

    def test_callbacks_are_those_of_the_headers(self):
        self.assertEqual(rows(_table.CALLBACKS), prototypes.callbacks(TOP))

    def test_functions_are_those_of_the_symbol_map(self):
        with open(os.path.join(TOP, "lib/psymatch.map"), encoding="utf-8") as f:
            symbols = re.findall(r"^\t(psm_\w+);$", f.read(), re.M)
        self.assertEqual(sorted(rows(_table.FUNCTIONS)), sorted(symbols))


class Manual(unittest.TestCase):
    def test_every_setting_stands_in_the_manual_with_its_default(self):
        with open(os.path.join(TOP, "man/psm_config.3"), encoding="utf-8") as f:
            page = dict(re.findall(r"^\.It Ev (\w+)\n\((.*)\)$", f.read(), re.M))
        settings = {}
        for i in range(lib.psm_config_count()):
            name, kind, default, unit = [f(i).decode() for f in (
                lib.psm_config_name_at, lib.psm_config_type_at,
                lib.psm_config_default_at, lib.psm_config_unit_at)]
            settings[name] = kind, unit, default
        page = {name: (re.match(r"\w+", text)[0],
                       (re.search(r" to \d+ ([^;]*)", text) or ["", ""])[1],
                       (re.search(r"; default (.*)", text) or ["", ""])[1])
                for name, text in page.items()}
        self.assertGreater(len(settings), 20)
        self.assertEqual(page, settings)


class Parser(unittest.TestCase):
    """The comparison itself sees a difference."""

    def test_a_changed_parameter_is_seen(self):
        found = prototypes._PROTOTYPE.findall("PSM_API int psm_x(const char *a,\n size_t b) PSM_CHECK;")
        self.assertEqual(found[0][1], "psm_x")
        self.assertEqual(prototypes._parameters(found[0][2]), ["const char*", "size_t"])
        self.assertNotEqual(prototypes._parameters("const char *a, int b"), ["const char*", "size_t"])


if __name__ == "__main__":
    unittest.main()
