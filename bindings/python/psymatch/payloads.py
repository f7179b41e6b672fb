# SPDX-License-Identifier: BSD-2-Clause
"""Payloads as typed dicts, a class per event type, made from the catalogue; the
same as text, for type checkers, is payloads.pyi.

>>> event = psymatch.Event.new("search.status_changed", "matching-service", {
...     "search_id": 7, "patient_id": 3, "old_status": None, "new_status": "aktiv"})
>>> event.payload_as(SearchStatusChanged)["new_status"]
'aktiv'
>>> SearchStatusChanged.__doc__
"A patient's search was opened (from null) or changed status."

In a dict that is to be sent each field has the type that the catalogue tells.
Dates and times in what was received are texts.

>>> sent: EmailSend = {"email_id": 7}
>>> psymatch.Event.new("email.send", "matching-service", sent).key
'7'
>>> TYPES["email.send"] is EmailSend
True
"""
from __future__ import annotations

import types
from typing import Any, TypedDict

from ._shapes import NAMES, Shape, payload_shapes

TYPES: dict[str, Any] = {}  # the class of each event type
_names: dict[str, Any] = dict(NAMES)


def _made(shape: Shape) -> Any:
    """A TypedDict: what is required, and what is not on top of it."""
    made: Any = TypedDict
    for required in (True, False):
        members = {member.name: eval(member.type, _names) for member in shape.members  # pylint: disable=eval-used
                   if member.required == required}
        if members or made is TypedDict:
            made = types.new_class(shape.name, (made,), {"total": required},
                                   lambda space, annotations=members: space.update(  # type: ignore[misc]
                                       __annotations__=annotations, __module__=__name__, __doc__=shape.meaning))
    return made


for _shape in payload_shapes():
    globals()[_shape.name] = _names[_shape.name] = _made(_shape)
    if _shape.of is not None:
        TYPES[_shape.of] = _names[_shape.name]
        TYPES[_shape.of].__event_type__ = _shape.of  # for Event.payload_as()
__all__ = ["TYPES"] + [name for name in _names if name not in NAMES and name != "__builtins__"]
