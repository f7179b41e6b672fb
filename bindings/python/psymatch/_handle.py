# SPDX-License-Identifier: BSD-2-Clause
"""Who frees what, and when: in order, once, and before the interpreter ends.

Python collects objects of a cycle in any order. So each C object has an owner
of its own here, which is freed after the owners that were made from it, however
their Python objects end.
"""
from __future__ import annotations

import atexit
import itertools
import operator
import os
import threading
import weakref
from typing import Any, TypeVar

from .errors import BY_NAME

_lock = threading.RLock()  # taken by finalizers, which can interrupt its holder
_order = itertools.count()
_alive: Any = weakref.WeakSet()  # handles that are to be closed at exit
_generation = 0  # of this process: a fork makes another one


def _after_fork() -> None:
    global _lock, _generation, _alive
    _lock = threading.RLock()
    _generation += 1
    _alive = weakref.WeakSet()


os.register_at_fork(after_in_child=_after_fork)


class Owner:
    """One C object; free(pointer) runs once, after that of all children."""

    __slots__ = ("pointer", "_free", "_parents", "_children", "_dropped", "_generation")

    def __init__(self, pointer: Any, free: Any, *parents: Any) -> None:
        self.pointer, self._free, self._parents = pointer, free, parents
        self._children, self._dropped = 0, False
        self._generation = _generation
        with _lock:
            for parent in parents:
                parent._children += 1

    def drop(self) -> None:
        """Nobody uses it any more; free it as soon as its children are."""
        ready = self
        while ready:
            ready = ready._try_to_free()

    def forget(self) -> None:
        """A call has taken the pointer: it is freed already."""
        self.pointer = None
        parent = self._tell_parents()
        if parent:
            parent.drop()

    def _try_to_free(self) -> Any:
        with _lock:
            self._dropped = True
            if self._children or self.pointer is None:
                return None
            pointer, self.pointer = self.pointer, None
        # The C object of a process that forked is not ours to free: its
        # threads are not here.
        if self._generation == _generation:
            self._free(pointer)
        return self._tell_parents()

    def _tell_parents(self) -> Any:
        """A parent that waits for this one, to be freed next; more than one
        are freed here."""
        waiting = []
        with _lock:
            for parent in self._parents:
                parent._children -= 1
                if parent._dropped and not parent._children:
                    waiting.append(parent)
            self._parents = ()
        for parent in waiting[1:]:
            parent.drop()
        return waiting[0] if waiting else None


_Self = TypeVar("_Self", bound="Handle")


class Handle:
    """A Python object with a C object behind it; neither copied nor pickled."""

    _owner: Any = None

    def _own(self, pointer: Any, free: Any, *parents: Any) -> None:
        self._owner = Owner(pointer, free, *(p._owner for p in parents))
        self._process = _generation

    @property
    def _handle(self) -> Any:
        """The C object, to be handed to a call right away."""
        owner = self._owner
        if owner is None or owner.pointer is None or owner._dropped:
            raise BY_NAME["StateError"]("%s: already closed" % self._name_of())
        if self._is_inherited():
            self._after_fork()
            owner = self._owner
        return owner.pointer

    def close(self) -> Any:
        """Free it, once what was made from it is. Twice is once. Not while
        another thread uses it."""
        if self._owner is not None:
            self._owner.drop()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        self.close()

    def _is_inherited(self) -> Any:
        """Made before the process forked."""
        return self._process != _generation

    def _after_fork(self) -> None:
        raise BY_NAME["StateError"](
            "%s: made before the process forked; make it in the child" % self._name_of())

    def _close_at_exit(self) -> None:
        self._number = next(_order)
        _alive.add(self)

    def _at_exit(self) -> None:
        """Close what runs; the interpreter ends afterwards."""

    @classmethod
    def _name_of(cls) -> Any:
        return cls.__name__

    def __del__(self) -> None:
        owner = self._owner
        if owner is not None:
            owner.drop()

    def __copy__(self) -> None:
        raise TypeError("a psymatch.%s cannot be copied" % self._name_of())

    def __deepcopy__(self, memo: Any) -> None:
        raise TypeError("a psymatch.%s cannot be copied" % self._name_of())

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a psymatch.%s cannot be pickled" % self._name_of())


def _at_exit() -> None:
    # The youngest first: it may use the older ones.
    for _number, handle in sorted(((h._number, h) for h in _alive), key=operator.itemgetter(0), reverse=True):
        handle._at_exit()


atexit.register(_at_exit)
