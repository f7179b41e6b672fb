# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the entities, as dicts or as records, within a transaction."""
from __future__ import annotations

import ctypes
import datetime
from typing import Any, ClassVar, Generic, Mapping, TypeVar, TYPE_CHECKING, overload

from ._json import taken
from ._lib import lib
from ._sql import time_of
from ._text import array, int32, int64, payload_text, utf8, utf8_or_none
from .errors import check

ANY = -1

_Self = TypeVar("_Self", bound="Record")
R = TypeVar("R", bound="Record")
_READ = {"datetime.date": time_of(datetime.date), "datetime.datetime": time_of(datetime.datetime),
         "datetime.time": time_of(datetime.time)}


class Record:
    """A row as it was when it was read, a frozen dataclass: psymatch.records has
    one per entity. Dates and times are those of datetime."""

    ENTITY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def of(cls: type[_Self], row: Mapping[str, Any]) -> _Self:
        """Of a row as a dict: what get(), list() and the modules of the services
        give, or an event's record. A column that the dict lacks is None."""
        return cls(*(cls._value(field, row.get(name)) for name, field in cls.__dataclass_fields__.items()))

    @classmethod
    def _value(cls, field: Any, value: Any) -> Any:
        kind = field.metadata.get("time")
        return value if kind is None or not isinstance(value, str) else _READ[kind](value.replace("Z", "+00:00"))

    def as_dict(self) -> dict[str, Any]:
        """{column: value}"""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


if TYPE_CHECKING:
    from typing import List

    from typing_extensions import TypedDict

    class Page(TypedDict, Generic[R]):
        """What list() gives of records."""

        data: List[R]
        page: int
        limit: int
        total: int


class Rows:
    """A part of Transaction. entity is a name ("therapist", ...), and a row is a
    dict; or it is a class of psymatch.records, and a row is one of these.

    >>> with store.transaction() as tx:
    ...     row, version = tx.get("therapist", 7)
    ...     row, version = tx.update("therapist", 7, {"titel": "Dr."}, if_version=version)
    ...     therapist, version = tx.get(psymatch.records.Therapist, 7)
    >>> row["titel"], therapist.titel
    ('Dr.', 'Dr.')
    """

    _open: Any

    @overload
    def create(self, entity: type[R], values: Mapping[str, Any]) -> tuple[R, int]: ...

    @overload
    def create(self, entity: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], int]: ...

    def create(self, entity: Any, values: Mapping[str, Any]) -> Any:
        """Make and publish a row: (row, version)."""
        return self._call(lib.psm_entity_create, entity, values)

    @overload
    def get(self, entity: type[R], id: int) -> tuple[R, int]: ...

    @overload
    def get(self, entity: str, id: int) -> tuple[dict[str, Any], int]: ...

    def get(self, entity: Any, id: int) -> Any:
        """(row, version); NotFoundError."""
        return self._call(lib.psm_entity_get, entity, None, int64(id, "id"))

    @overload
    def update(self, entity: type[R], id: int, values: Mapping[str, Any], if_version: int = ANY,
               merge: bool = False) -> tuple[R, int]: ...

    @overload
    def update(self, entity: str, id: int, values: Mapping[str, Any], if_version: int = ANY,
               merge: bool = False) -> tuple[dict[str, Any], int]: ...

    def update(self, entity: Any, id: int, values: Mapping[str, Any], if_version: int = ANY,
               merge: bool = False) -> Any:
        """Change and publish a row, None leaves a column as it is, or with
        merge empties it: (row, version). PreconditionError: it has another
        version than if_version."""
        return self._call(lib.psm_entity_update, entity, values, int64(id, "id"), int64(if_version, "if_version"),
                          int(merge))

    @overload
    def act(self, entity: type[R], id: int, action: str, values: Mapping[str, Any] | None = None,
            if_version: int = ANY) -> tuple[R, int]: ...

    @overload
    def act(self, entity: str, id: int, action: str, values: Mapping[str, Any] | None = None,
            if_version: int = ANY) -> tuple[dict[str, Any], int]: ...

    def act(self, entity: Any, id: int, action: str, values: Mapping[str, Any] | None = None,
            if_version: int = ANY) -> Any:
        """"block" or "unblock" a therapist, for example: (row, version)."""
        return self._call(lib.psm_entity_act, entity, {} if values is None else values, int64(id, "id"),
                          int64(if_version, "if_version"), utf8(action, "action"))

    def delete(self, entity: str | type[Record], id: int, if_version: int = ANY, force: bool = False) -> None:
        """ConflictError: something needs the row, and it is not forced."""
        check(lib.psm_entity_delete, self._open, _name(entity), int64(id, "id"), int64(if_version, "if_version"),
              int(force))

    @overload
    def list(self, entity: type[R], sort: str | None = None, page: int = 1, limit: int = 20,
             **filters: Any) -> Page[R]: ...

    @overload
    def list(self, entity: str, sort: str | None = None, page: int = 1, limit: int = 20,
             **filters: Any) -> dict[str, Any]: ...

    def list(self, entity: Any, sort: str | None = None, page: int = 1, limit: int = 20, **filters: Any) -> Any:
        """A page: {"data": [row], "page", "limit", "total"}."""
        pairs = [text for name, value in filters.items() for text in (utf8(name, "filter"), _text(value, name))]
        out = ctypes.c_void_p()
        check(lib.psm_entity_list, self._open, _name(entity), array(pairs + [None]),
              utf8_or_none(sort, "sort"), int32(page, "page"), int32(limit, "limit"), ctypes.byref(out))
        found = taken(out)
        if not isinstance(entity, str):
            found["data"] = [entity.of(row) for row in found["data"]]
        return found

    def _call(self, function: Any, entity: Any, values: Any, *args: Any) -> Any:
        out, version = ctypes.c_void_p(), ctypes.c_int64()
        text: Any = () if values is None else (payload_text(values),)
        text = text and text + (len(text[0]),)
        check(function, self._open, _name(entity), *args, *text, ctypes.byref(out), ctypes.byref(version))
        row = taken(out)
        return row if isinstance(entity, str) else entity.of(row), version.value


def _name(entity: Any) -> bytes:
    if isinstance(entity, type) and issubclass(entity, Record):
        entity = entity.ENTITY
    return utf8(entity, "entity")


def _text(value: Any, name: str) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    return utf8(value, name)
