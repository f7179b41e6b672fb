# SPDX-License-Identifier: BSD-2-Clause
"""What a function of the program raised within a callback, which ctypes would
swallow: an interrupt goes on when the library has returned."""
from __future__ import annotations

import contextlib
import threading
from typing import Any, Iterator

_thread = threading.local()  # a callback runs on its caller's thread


def keep(e: Any) -> None:
    if not isinstance(e, Exception) and getattr(_thread, "raised", None) is None:
        _thread.raised = e


@contextlib.contextmanager
def passed_on() -> Iterator[Any]:
    """Raises what callbacks kept within it."""
    before, _thread.raised = getattr(_thread, "raised", None), None
    try:
        yield
    finally:
        raised, _thread.raised = _thread.raised, before
        if raised is not None:
            raise raised
