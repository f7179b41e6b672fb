# SPDX-License-Identifier: BSD-2-Clause
"""Where events travel."""
from ._handle import Handle
from ._lib import lib
from ._text import int32
from .config import Config
from .errors import make


class Transport(Handle):
    """What PSYMATCH_TRANSPORT names, or memory (for tests)."""

    def __init__(self, config=None):
        config = config if config is not None else Config()
        self._own(make(lib.psm_transport_open, config._handle), lib.psm_transport_unref)

    @classmethod
    def memory(cls, partitions=3):
        """Topics within this process, gone at its end."""
        self = cls.__new__(cls)
        self._own(make(lib.psm_transport_memory, int32(partitions, "partitions")), lib.psm_transport_unref)
        return self

    @property
    def name(self):
        """kafka, memory or postgres"""
        return lib.psm_transport_name(self._handle).decode()
