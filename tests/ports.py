# SPDX-License-Identifier: BSD-2-Clause
"""Ports for the programs that a test starts."""
import os
import subprocess

HOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build-aux/hold-ports")
held = []  # a holder ends when its input is closed


def free_ports(count):
    """Nobody else gets them while this program runs."""
    holder = subprocess.Popen([HOLDER, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    held.append(holder)
    return holder.stdout.readline().split()
