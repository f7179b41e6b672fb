# SPDX-License-Identifier: BSD-2-Clause
"""Bundling in memory: psm_bundle(3).

    b = bundle.Bundle(size=6)
    b.load(store)
    b.inquiry(7, "2026-11-30")["searches"]
"""
from ._handle import Handle
from ._json import taken, with_size
from ._lib import lib
from ._text import int64, utf8
from .errors import check, make


class Bundle(Handle):
    """Searches and therapists in memory, and the questions of matching. Options,
    records and answers are dicts as psm_bundle(3) has them. Threads: one at a
    time."""

    def __init__(self, **options):
        self._own(make(lib.psm_bundle_new, *with_size(options)), lib.psm_bundle_free)

    def place(self, plz, latitude, longitude):
        """Where a postal code is."""
        check(lib.psm_bundle_place, self._handle, utf8(plz, "plz"), latitude, longitude)

    def put_search(self, search):
        """Add or change a search with its patient's data; one that is not
        "aktiv" is taken away. SchemaError."""
        check(lib.psm_bundle_put_search, self._handle, *with_size(search))

    def remove_search(self, id):
        """True if it was there."""
        return lib.psm_bundle_remove_search(self._handle, int64(id, "id")) == 1

    def put_therapist(self, therapist):
        """Add or change a therapist. SchemaError."""
        check(lib.psm_bundle_put_therapist, self._handle, *with_size(therapist))

    def remove_therapist(self, id):
        """True if there was one."""
        return lib.psm_bundle_remove_therapist(self._handle, int64(id, "id")) == 1

    def load(self, store):
        """What the matching service's database knows: how many searches."""
        return check(lib.psm_bundle_load, self._handle, store._handle)

    def select(self, plz_prefix, today):
        """Whom to contact in an area."""
        return self._ask(lib.psm_bundle_select, {"plz_prefix": plz_prefix, "today": today})

    def inquiry(self, therapist_id, today, **more):
        """Which searches an inquiry would hold; more: plz_prefix, strategy,
        override. NotFoundError."""
        return self._ask(lib.psm_bundle_inquiry, dict(more, therapist_id=therapist_id, today=today))

    def why_not(self, therapist_id, today, **more):
        """Why the searches of an area are not in it; more: plz_prefix,
        search_id. NotFoundError."""
        return self._ask(lib.psm_bundle_why_not, dict(more, therapist_id=therapist_id, today=today))

    def stats(self):
        """How much there is."""
        return taken(make(lib.psm_bundle_stats, self._handle))

    def _ask(self, function, question):
        return taken(make(function, self._handle, *with_size(question)))
