# SPDX-License-Identifier: BSD-2-Clause
"""Signals while a call of the main thread waits for the database: Python runs
their functions (Ctrl-C's raises KeyboardInterrupt) while the library asks
whether to wait on."""
from __future__ import annotations

import os
import threading
from typing import Any, Generator

from ._lib import callbacks, lib

_raised: list[BaseException] = []  # by the function of a signal; what the main thread called raises it


def _asking() -> Generator[int, Any, None]:
    """A generator, because it is resumed within its try: that is where a signal
    is seen first. A function could be left before its first line."""
    stop = False
    while True:
        try:
            if stop:
                stop = False
                yield 1
            while True:
                yield 0
        except GeneratorExit:
            return
        except BaseException as e:
            # Not its traceback: whoever clears that would end this generator.
            _raised.append(e.with_traceback(None))
            stop = True


def _set_up() -> None:
    global _callback
    ask = _asking()
    next(ask)
    _callback = callbacks["psm_interrupt_fn"](ask.send)
    if threading.current_thread() is threading.main_thread():
        lib.psm_store_set_interrupt(_callback, None)


def raise_kept() -> None:
    """What a signal's function raised while the main thread waited."""
    if _raised and threading.current_thread() is threading.main_thread():
        raise _raised.pop()


_callback: Any = None
_set_up()
os.register_at_fork(after_in_child=_set_up)
