# SPDX-License-Identifier: BSD-2-Clause
"""Bundling in memory: psm_bundle(3).

>>> b = bundle.Bundle(size=6)
>>> b.place("10115", 52.5, 13.4)
>>> b.put_therapist({"id": 7, "plz": "10115"})
>>> b.put_search({"id": 1, "patient_id": 10, "plz": "10115", "created_at": "2026-01-03T10:00:00Z"})
>>> [found["search_id"] for found in b.inquiry(7, "2026-11-30")["searches"]]
[1]
>>> b.select("10", "2026-11-30")["therapists"]
[{'id': 7, 'tier': 7}]
>>> b.why_not(7, "2026-11-30", search_id=1)["fits"]
1
>>> b.stats()["searches"], b.remove_search(1), b.remove_therapist(8)
(1, True, False)

Or with what the matching service's database knows:

>>> bundle.Bundle().load(store) >= 0
True
"""
from __future__ import annotations

import datetime
from typing import Any, Mapping, TYPE_CHECKING, Union

from ._handle import Handle
from ._json import taken, with_size
from ._lib import lib
from ._text import int64, utf8
from .errors import check, make

if TYPE_CHECKING:
    from .store import Store


Day = Union[str, datetime.date]


class Bundle(Handle):
    """Searches and therapists in memory, and the questions of matching. Options,
    records and answers are dicts as psm_bundle(3) has them. Threads: one at a
    time.

    >>> with psymatch.bundle.Bundle(size=6) as b:
    ...     b.put_therapist({"id": 7, "plz": "10115"})
    ...     b.remove_therapist(7)
    True
    """

    def __init__(self, **options: Any) -> None:
        self._own(make(lib.psm_bundle_new, *with_size(options)), lib.psm_bundle_free)

    def place(self, plz: str, latitude: float, longitude: float) -> None:
        """Where a postal code is."""
        check(lib.psm_bundle_place, self._handle, utf8(plz, "plz"), latitude, longitude)

    def put_search(self, search: Mapping[str, Any]) -> None:
        """Add or change a search with its patient's data; one that is not
        "aktiv" is taken away. SchemaError."""
        check(lib.psm_bundle_put_search, self._handle, *with_size(search))

    def remove_search(self, id: int) -> bool:
        """True if it was there."""
        return bool(lib.psm_bundle_remove_search(self._handle, int64(id, "id")) == 1)

    def put_therapist(self, therapist: Mapping[str, Any]) -> None:
        """Add or change a therapist. SchemaError."""
        check(lib.psm_bundle_put_therapist, self._handle, *with_size(therapist))

    def remove_therapist(self, id: int) -> bool:
        """True if there was one."""
        return bool(lib.psm_bundle_remove_therapist(self._handle, int64(id, "id")) == 1)

    def load(self, store: Store) -> int:
        """What the matching service's database knows: how many searches."""
        return check(lib.psm_bundle_load, self._handle, store._handle)

    def select(self, plz_prefix: str, today: Day) -> dict[str, Any]:
        """Whom to contact in an area."""
        return self._ask(lib.psm_bundle_select, {"plz_prefix": plz_prefix, "today": today})

    def inquiry(self, therapist_id: int, today: Day, **more: Any) -> dict[str, Any]:
        """Which searches an inquiry would hold; more: plz_prefix, strategy,
        override. NotFoundError."""
        return self._ask(lib.psm_bundle_inquiry, dict(more, therapist_id=therapist_id, today=today))

    def why_not(self, therapist_id: int, today: Day, **more: Any) -> dict[str, Any]:
        """Why the searches of an area are not in it; more: plz_prefix,
        search_id. NotFoundError."""
        return self._ask(lib.psm_bundle_why_not, dict(more, therapist_id=therapist_id, today=today))

    def stats(self) -> dict[str, Any]:
        """How much there is."""
        return taken(make(lib.psm_bundle_stats, self._handle))

    def _ask(self, function: Any, question: Any) -> dict[str, Any]:
        return taken(make(function, self._handle, *with_size(question)))
