# SPDX-License-Identifier: BSD-2-Clause
"""Long waits in short pieces, so that Ctrl-C ends them."""
from __future__ import annotations

import time
from typing import Any, Iterator

_PIECE_MS = 100


def pieces(timeout_ms: int) -> Iterator[Any]:
    """Milliseconds to wait, one after another, until timeout_ms are over; the
    last may be 0. At least one."""
    end = time.monotonic() + timeout_ms / 1000
    while True:
        left = max(0, int((end - time.monotonic()) * 1000 + 0.999))
        yield min(left, _PIECE_MS)
        if left <= _PIECE_MS:
            return
