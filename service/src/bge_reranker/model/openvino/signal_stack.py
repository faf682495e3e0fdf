"""The stack that signal handlers run on, kept as it was while OpenVINO sets its CPU plugin up.

The plugin gives the thread that makes it an alternate signal stack (sigaltstack(2)), and frees that memory when its
last model goes. Where the thread had none before, or where plugins do not end in the reverse order of their making,
the thread keeps the freed one, and the next signal, such as the SIGTERM that ends a pod, ends the process with SIGSEGV.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DISABLED = 2
"""SS_DISABLE: handlers run on the thread's own stack."""


class _Stack(ctypes.Structure):
    """stack_t of Linux."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Give the thread back the signal stack that it came with."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    before = _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        if libc.sigaltstack(ctypes.byref(before), None) != 0:
            # Too small for the registers that the plugin has asked for since, such as those of AMX.
            libc.sigaltstack(ctypes.byref(_Stack(flags=_DISABLED)), None)
