# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the entities as dicts, within a transaction."""
from __future__ import annotations

import ctypes
from typing import Any

from ._json import taken
from ._lib import lib
from ._text import array, int32, int64, payload_text, utf8, utf8_or_none
from .errors import check

ANY = -1


class Rows:
    """A part of Transaction. Rows are dicts; entity is "therapist", ...

    >>> with store.transaction() as tx:
    ...     row, version = tx.get("therapist", 7)
    ...     row, version = tx.update("therapist", 7, {"titel": "Dr."}, if_version=version)
    >>> row["titel"]
    'Dr.'
    """

    _open: Any

    def create(self, entity: Any, values: Any) -> Any:
        """Make and publish a row: (row, version)."""
        return self._call(lib.psm_entity_create, entity, values)[1:]

    def get(self, entity: Any, id: int) -> Any:
        """(row, version); NotFoundError."""
        return self._call(lib.psm_entity_get, entity, None, int64(id, "id"))[1:]

    def update(self, entity: Any, id: int, values: Any, if_version: int = ANY, merge: bool = False) -> Any:
        """Change and publish a row, None leaves a column as it is, or with
        merge empties it: (row, version). PreconditionError: it has another
        version than if_version."""
        return self._call(lib.psm_entity_update, entity, values, int64(id, "id"),
                          int64(if_version, "if_version"), int(merge))[1:]

    def act(self, entity: Any, id: int, action: Any, values: Any = None, if_version: int = ANY) -> Any:
        """"block" or "unblock" a therapist, for example: (row, version)."""
        return self._call(lib.psm_entity_act, entity, {} if values is None else values, int64(id, "id"),
                          int64(if_version, "if_version"), utf8(action, "action"))[1:]

    def delete(self, entity: Any, id: int, if_version: int = ANY, force: bool = False) -> None:
        """ConflictError: something needs the row, and it is not forced."""
        check(lib.psm_entity_delete, self._open, utf8(entity, "entity"), int64(id, "id"),
              int64(if_version, "if_version"), int(force))

    def list(self, entity: Any, sort: Any = None, page: Any = 1, limit: int = 20, **filters: Any) -> Any:
        """A page: {"data": [row], "page", "limit", "total"}."""
        pairs = [text for name, value in filters.items() for text in (utf8(name, "filter"), _text(value, name))]
        out = ctypes.c_void_p()
        check(lib.psm_entity_list, self._open, utf8(entity, "entity"), array(pairs + [None]),
              utf8_or_none(sort, "sort"), int32(page, "page"), int32(limit, "limit"), ctypes.byref(out))
        return taken(out)

    def _call(self, function: Any, entity: Any, values: Any, *args: Any) -> Any:
        out, version = ctypes.c_void_p(), ctypes.c_int64()
        text: Any = () if values is None else (payload_text(values),)
        text = text and text + (len(text[0]),)
        rc = check(function, self._open, utf8(entity, "entity"), *args, *text, ctypes.byref(out),
                   ctypes.byref(version))
        return rc, taken(out), version.value


def _text(value: Any, name: Any) -> Any:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    return utf8(value, name)
