# SPDX-License-Identifier: BSD-2-Clause
import unittest
from typing import Any

import psymatch
from psymatch import entity, errors


class Entities(unittest.TestCase):
    def test_every_entity_can_be_read(self) -> None:
        all_of_them = psymatch.entities()
        self.assertEqual(list(all_of_them), ["patient", "therapist", "search", "inquiry", "inquiry_patient", "email",
                                             "phone_call"])
        for one in all_of_them.values():
            self.assertEqual(next(iter(one.fields)), "id")
            self.assertTrue(one.states)
            for shape in range(5):
                self.assertEqual(one.schema(shape)["type"], "object")
        with self.assertRaises(KeyError):
            psymatch.Entity("nobody")

    def test_a_column(self) -> None:
        field = psymatch.Entity("therapist").fields["status"]
        self.assertEqual((field.type, field.default, field.words), ("enum", "aktiv", ["aktiv", "gesperrt", "inaktiv"]))
        self.assertEqual(field.flags, {"stays", "filter", "sort", "in_event", "in_copy"})
        self.assertEqual(field.writers, {"rest_create", "rest_update", "import_create"})
        self.assertIsNone(field.limits)
        self.assertEqual(psymatch.Entity("therapist").fields["plz"].limits, (0, 10))

    def test_filters_and_states(self) -> None:
        therapist = psymatch.Entity("therapist")
        self.assertIs(therapist.filters["plz_prefix"], therapist.fields["plz"])
        self.assertIsNone(therapist.filters["search"])
        search = psymatch.Entity("search")
        self.assertTrue(search.may_follow(None, "aktiv"))
        self.assertFalse(search.may_follow("erfolgreich", "aktiv"))

    def test_a_schema(self) -> None:
        schema = psymatch.Entity("therapist").schema(entity.CREATE)
        self.assertEqual(schema["required"], ["anrede", "geschlecht", "vorname", "nachname"])
        self.assertEqual(schema["properties"]["vorname"]["maxLength"], 100)
        with self.assertRaises(errors.InvalError):
            psymatch.Entity("therapist").schema(9)

    def test_shapes(self) -> None:
        for shape in (entity.CREATE, entity.UPDATE, entity.MERGE):
            columns = psymatch.Entity("patient").schema(shape)["properties"]
            self.assertRegex("10115", columns["plz"]["pattern"])
            self.assertNotRegex("1011", columns["plz"]["pattern"])
            week = columns["zeitliche_verfuegbarkeit"]
            self.assertIn("montag", week["propertyNames"]["enum"])
            self.assertRegex("09:00-12:00", week["additionalProperties"]["items"]["pattern"])
            self.assertNotRegex("9-12", week["additionalProperties"]["items"]["pattern"])
            self.assertEqual(columns["raeumliche_verfuegbarkeit"]["properties"]["max_km"]["minimum"], 0)
            self.assertEqual(columns["ausgeschlossene_therapeuten"]["items"]["required"], ["id"])
        self.assertNotIn("pattern", psymatch.Entity("patient").schema(entity.SHOW)["properties"]["plz"])

    def test_no_other_entity_or_shape_is_meant(self) -> None:
        entity: Any = psymatch.Entity  # of which a checker knows better
        therapist: Any = entity("therapist")
        call: Any
        for call in (lambda: entity("therapist\0x"), lambda: entity(b"therapist"),
                     lambda: therapist.schema(2 ** 32), lambda: therapist.may_follow("aktiv\0x", "inaktiv"),
                     lambda: therapist.may_follow(None, 7)):
            with self.assertRaises((TypeError, ValueError)):
                call()


if __name__ == "__main__":
    unittest.main()
