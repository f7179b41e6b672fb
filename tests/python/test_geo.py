# SPDX-License-Identifier: BSD-2-Clause
import json
import os
import tempfile
import unittest
from typing import Any

import psymatch
from psymatch import geo

from helping import Database

CENTROIDS: Any = [
    {"country_code": "DE", "zipcode": "10115", "place": "Musterstadt", "latitude": "52.5", "longitude": "13.4"},
    {"country_code": "DE", "zipcode": "52062", "place": "Musterau", "latitude": 50.8, "longitude": 6.1},
]


class Geo(Database):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.store.migrate("geocoding")
        geo.load(cls.store, CENTROIDS)

    def setUp(self) -> None:
        with self.store.transaction() as tx:
            tx.execute("DELETE FROM geocoding_service.distance_cache")
            tx.execute("DELETE FROM geocoding_service.geocache")

    def test_load(self) -> None:
        self.assertEqual(geo.load(self.store, CENTROIDS), 0)
        self.assertEqual(geo.load(self.store, [dict(CENTROIDS[0], place="Neustadt")], update=True), 1)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(CENTROIDS, f)
            self.assertEqual(geo.load_file(self.store, path, update=True), 1)
        with self.assertRaises(psymatch.IoError):
            geo.load_file(self.store, "/nonexistent")
        with self.assertRaises(psymatch.SchemaError):
            geo.load(self.store, [])

    def test_codes(self) -> None:
        found = geo.plz_distance(self.store, "10115", "52062")
        self.assertEqual((found["distance_km"], found["status"], found["source"]), (537.65, "success", "plz_centroids"))
        with self.assertRaises(psymatch.NotFoundError):
            geo.plz_distance(self.store, "10115", "99998")

    def test_partial_without_a_router(self) -> None:
        found = geo.Geo().distance(self.store, "10115", (50.8, 6.1))
        self.assertEqual((found["distance_km"], found["status"], found["source"]), (537.65, "partial", "haversine"))

    def test_answers_are_kept(self) -> None:
        found = {"latitude": 50.8, "longitude": 6.1, "display_name": "Markt", "status": "success"}
        place: Any
        with geo.Geo() as way:
            for place in ("Am Markt", (50.8, 6.1)):
                self.assertIsNone(way.recall(self.store, place))
                way.remember(self.store, place, found)
                self.assertEqual(way.recall(self.store, place), found)
            with self.assertRaises(psymatch.SchemaError):
                way.recall(self.store, (91, 0))
            with self.assertRaises(psymatch.SchemaError):
                way.remember(self.store, "Am Markt", {})

    def test_functions_of_the_program(self) -> None:
        asked = []

        def address(text: Any, timeout_ms: Any) -> Any:
            asked.append(text)
            return (50.8, 6.1, "Ä" * 300) if text == "Musterau" else None

        def route(origin: Any, destination: Any, travel_mode: Any, timeout_ms: Any) -> Any:
            asked.append((origin, destination, travel_mode))
            return 612.5

        g = geo.Geo(address, route)
        found = g.distance(self.store, "10115", "Musterau", geo.TRANSIT)
        self.assertEqual((found["distance_km"], found["status"], found["source"]), (612.5, "success", "osrm"))
        self.assertEqual(asked, ["Musterau", ((52.5, 13.4), (50.8, 6.1), "transit")])
        self.assertEqual(g.distance(self.store, "10115", "Musterau", geo.TRANSIT)["source"], "cache")
        found = g.distance(self.store, "10115", "anywhere")
        self.assertEqual((found["status"], found["distance_km"]), ("error", None))

    def test_a_function_that_fails(self) -> None:
        def fail(*_args: Any) -> None:
            raise OSError("away")

        with self.assertLogs("psymatch", "ERROR"):
            found = geo.Geo(fail, fail).distance(self.store, "10115", "52062")
        self.assertEqual(found["status"], "partial")
        with self.assertLogs("psymatch", "ERROR"):
            found = geo.Geo(fail, fail).distance(self.store, "10115", "anywhere")
        self.assertEqual(found["status"], "error")

    def test_an_interrupt_goes_on(self) -> None:
        def stop(*_args: Any) -> None:
            raise KeyboardInterrupt

        for destination in ("52062", "anywhere"):  # asks for a route, and for an address
            with self.assertLogs("psymatch", "ERROR"), self.assertRaises(KeyboardInterrupt):
                geo.Geo(stop, stop).distance(self.store, "10115", destination)

    def test_wrong_requests(self) -> None:
        with self.assertRaises(psymatch.SchemaError) as caught:
            geo.Geo().distance(self.store, (91, 0), 7, "bicycle")  # type: ignore[arg-type]
        self.assertEqual([f[0] for f in caught.exception.faults], ["/origin", "/destination", "/travel_mode"])


if __name__ == "__main__":
    unittest.main()
