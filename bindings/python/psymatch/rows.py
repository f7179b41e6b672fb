# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the entities as dicts, within a transaction."""
import ctypes
import json

from ._lib import lib
from .errors import ErrorSlot

ANY = -1


class Rows:
    """A part of Transaction. Rows are dicts; entity is "therapist", ...

    >>> with store.transaction() as tx:
    ...     row, version = tx.get("therapist", 7)
    ...     tx.update("therapist", 7, {"titel": "Dr."}, if_version=version)
    """

    def create(self, entity, values):
        """Make and publish a row: (row, version)."""
        return self._call(lib.psm_entity_create, entity, values)[1:]

    def get(self, entity, id):
        """(row, version); NotFoundError."""
        return self._call(lib.psm_entity_get, entity, None, id)[1:]

    def update(self, entity, id, values, if_version=ANY, merge=False):
        """Change and publish a row, None leaves a column as it is, or with
        merge empties it: (row, version). PreconditionError: it has another
        version than if_version."""
        return self._call(lib.psm_entity_update, entity, values, id, if_version, int(merge))[1:]

    def act(self, entity, id, action, values=None, if_version=ANY):
        """"block" or "unblock" a therapist, for example: (row, version)."""
        return self._call(lib.psm_entity_act, entity, values or {}, id, if_version, action.encode())[1:]

    def delete(self, entity, id, if_version=ANY, force=False):
        """ConflictError: something needs the row, and it is not forced."""
        with ErrorSlot() as slot:
            slot.check(lib.psm_entity_delete(self._own(), entity.encode(), id, if_version, int(force), slot.ptr))

    def list(self, entity, sort=None, page=1, limit=20, **filters):
        """A page: {"data": [row], "page", "limit", "total"}."""
        pairs = [_text(v) for pair in filters.items() for v in pair]
        texts = (ctypes.c_char_p * (len(pairs) + 1))(*pairs, None)
        out = ctypes.c_void_p()
        with ErrorSlot() as slot:
            slot.check(lib.psm_entity_list(self._own(), entity.encode(), texts, sort and sort.encode(), page, limit,
                                           ctypes.byref(out), slot.ptr))
        return _take(out)

    def _call(self, function, entity, values, *args):
        out, version = ctypes.c_void_p(), ctypes.c_int64()
        text = () if values is None else (json.dumps(values).encode(),)
        text = text and text + (len(text[0]),)
        with ErrorSlot() as slot:
            rc = slot.check(function(self._own(), entity.encode(), *args, *text, ctypes.byref(out),
                                     ctypes.byref(version), slot.ptr))
        return rc, _take(out), version.value


def _text(value):
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def _take(out):
    try:
        return json.loads(ctypes.string_at(out).decode())
    finally:
        lib.psm_free(out)
