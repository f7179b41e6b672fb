# SPDX-License-Identifier: BSD-2-Clause
"""Places, and distances between them: psm_geo(3).

>>> records = [{"country_code": "DE", "zipcode": code, "place": "Musterstadt", "latitude": latitude, "longitude": longitude}
...            for code, latitude, longitude in (("20095", 53.55, 10.0), ("80331", 48.14, 11.57))]
>>> geo.load(store, records)
2
>>> geo.plz_distance(store, "20095", "80331")["distance_km"]
611.54

The same from a file is geo.load_file(store, "zipcodes.de.json"):

>>> geo.load_file(store, "/nowhere/zipcodes.de.json")
Traceback (most recent call last):
...
psymatch.IoError: ...

Routes and coordinates of addresses come from functions of the program:

>>> g = geo.Geo(lambda address, timeout_ms: (48.14, 11.57), lambda origin, destination, travel_mode, timeout_ms: 790.5)
>>> g.distance(store, "20095", "Marienplatz, München", geo.CAR)["distance_km"]
790.5
>>> found = {"latitude": 48.14, "longitude": 11.57, "display_name": "Marienplatz", "status": "success"}
>>> g.remember(store, "Marienplatz 1, München", found)
>>> g.recall(store, "Marienplatz 1, München")["display_name"]
'Marienplatz'
>>> with store.transaction() as tx:
...     g.handle(tx, psymatch.Event.new("geocoding.calculate_distance", "example", {
...         "request_id": "1", "origin": "20095", "destination": "80331", "travel_mode": "car"}))
"""
from __future__ import annotations

import ctypes
import json
import logging
from typing import Any, Callable, Iterable, Mapping, Sequence, TYPE_CHECKING, Union

from . import log
from ._handle import Handle
from ._json import taken, with_size
from ._lib import callbacks, lib
from ._raised import keep, passed_on
from ._text import int64, milliseconds, utf8
from .errors import check, code_of, make
from .event import handled_by

if TYPE_CHECKING:
    import os

    from .event import Event
    from .store import Store, Transaction

Place = Union[str, Sequence[float]]  # an address, or (latitude, longitude)
CAR, TRANSIT = "car", "transit"

_NAME_SIZE = 256
_NOT_FOUND = code_of("PSM_ERR_NOT_FOUND")
_UNAVAILABLE = code_of("PSM_ERR_UNAVAILABLE")


def _answer(call: Any) -> Any:
    """The code for what a callback of the program does."""
    try:
        return 0 if call() else _NOT_FOUND
    except BaseException as e:
        keep(e)
        log.say(logging.ERROR, "a function of geo.Geo failed", {"exception": type(e).__name__})
        return _UNAVAILABLE


def _question(place: Place) -> tuple[Any, float, float]:
    if isinstance(place, str):
        return utf8(place, "place"), 0.0, 0.0
    latitude, longitude = place
    return None, float(latitude), float(longitude)


class Geo(Handle):
    """How distances are found. Threads: any.

    address(text, timeout_ms) gives (latitude, longitude) or (latitude,
    longitude, name), route(origin, destination, travel_mode, timeout_ms) the
    km; None means that there is none, an exception that nobody answered.
    """

    def __init__(self, address: Callable[[str, int], tuple[float, float] | tuple[float, float, str] | None] | None = None, route: Callable[[tuple[float, float], tuple[float, float], str, int], float | None] | None = None, cache_s: int = 2592000, timeout_ms: int = 8000) -> None:
        self._functions = (self._address(address), self._route(route))
        self._own(make(lib.psm_geo_new, *self._functions, None, int64(cache_s, "cache_s"),
                       milliseconds(timeout_ms, "timeout_ms")), self._freeing(self._functions))

    @staticmethod
    def _freeing(functions: Any) -> Any:
        def free(pointer: Any, _functions: Any = functions) -> None:  # which live as long as the object
            lib.psm_geo_free(pointer)

        return free

    @staticmethod
    def _address(address: Any) -> Any:
        def call(text: Any, latitude: Any, longitude: Any, name: Any, timeout_ms: Any, _user: Any, _err: Any) -> Any:
            def ask() -> Any:
                found = address(text.decode(), timeout_ms)
                if found is not None:
                    latitude[0], longitude[0] = found[0], found[1]
                    told = found[2].encode() if len(found) > 2 and found[2] else b""
                    ctypes.memmove(name, told[:_NAME_SIZE - 1] + b"\0", min(len(told), _NAME_SIZE - 1) + 1)
                return found is not None

            return _answer(ask)

        kind = callbacks["psm_geo_address_fn"]
        return kind() if address is None else kind(call)

    @staticmethod
    def _route(route: Any) -> Any:
        def call(places: Any, travel_mode: Any, distance_km: Any, timeout_ms: Any, _user: Any, _err: Any) -> Any:
            def ask() -> Any:
                km = route((places[0], places[1]), (places[2], places[3]), travel_mode.decode(), timeout_ms)
                if km is not None:
                    distance_km[0] = km
                return km is not None

            return _answer(ask)

        kind = callbacks["psm_geo_route_fn"]
        return kind() if route is None else kind(call)

    def distance(self, store: Store, origin: Place, destination: Place, travel_mode: str = CAR,
                 use_cache: bool = True) -> dict[str, Any]:
        """Of two places, each an address or (latitude, longitude): a dict, whose
        status is "success", "partial" or "error". SchemaError."""
        question = {"origin": origin, "destination": destination, "travel_mode": travel_mode, "use_cache": use_cache}
        with passed_on():
            return taken(make(lib.psm_geo_distance, self._handle, store._handle, *with_size(question)))

    def recall(self, store: Store, place: Place) -> dict[str, Any] | None:
        """What a geocoder said of an address or (latitude, longitude) before;
        None: nothing, or too long ago."""
        out = ctypes.c_void_p()
        if check(lib.psm_geo_recall, self._handle, store._handle, *_question(place), ctypes.byref(out)) == 0:
            return None
        found: dict[str, Any] = taken(out)
        return found

    def remember(self, store: Store, place: Place, answer: Mapping[str, Any]) -> None:
        """Keep what a geocoder said: {"latitude", "longitude", "display_name",
        "status": "success", ...}."""
        check(lib.psm_geo_remember, self._handle, store._handle, *_question(place), json.dumps(answer).encode())

    def handle(self, tx: Transaction, event: Event) -> None:
        """Answer a request of topic "geocoding-requests" within tx."""
        with passed_on():
            handled_by(lib.psm_geo_handle, tx, event, self._handle)


def plz_distance(store: Store, origin: str, destination: str) -> dict[str, Any]:
    """Of the centroids of two postal codes: a dict. NotFoundError: one is not
    known."""
    return taken(make(lib.psm_geo_plz_distance, store._handle, utf8(origin, "origin"),
                      utf8(destination, "destination")))


def load(store: Store, records: Iterable[Mapping[str, Any]], update: bool = False) -> int:
    """Centroids from a list of dicts as psm_geo_load(3) has them: how many codes
    were written."""
    text = json.dumps(records).encode()
    return check(lib.psm_geo_load, store._handle, text, len(text), int(update))


def load_file(store: Store, path: str | os.PathLike[str], update: bool = False) -> int:
    """The same from a file."""
    return check(lib.psm_geo_load_file, store._handle, utf8(str(path), "path"), int(update))
