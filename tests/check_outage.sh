#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The library that takes a port away from a program does that, and no more.
. "$top_srcdir/tests/checks.sh"
case ${PYTHON:-} in '' | :) skip "no Python" ;; esac
case ${PSM_SANITIZE:-no} in no) ;; *) skip "a sanitizer wants to be loaded first" ;; esac
shim=$top_builddir/tests/.libs/outage_shim.so
[ -e "$shim" ] || exit 99
LD_PRELOAD=$shim OUTAGE_FILE=$tmp/outage "$PYTHON" "$top_srcdir/tests/check_outage.py"
