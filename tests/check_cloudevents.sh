#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_cloudevents.sh [--fetch]: CloudEvents are what their SDK for Python (PyPI:
# cloudevents, from 2.0) takes them for, both ways. It is asked if it is there;
# --fetch gets it once into a cache. test_cloudevent has vectors without it.
set -u
skip() {
	echo "skipped: $*"
	exit 77
}

[ "$PYTHON" != : ] || skip "no Python"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/psymatch/cloudevents-2
PYTHONPATH=$cache${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
has_sdk() {
	"$PYTHON" -c 'import cloudevents.core.bindings.kafka' 2>/dev/null
}

if ! has_sdk && [ "${1-}" = --fetch ]; then
	"$PYTHON" -m pip -q --disable-pip-version-check install --target "$cache" 'cloudevents>=2,<3' >/dev/null 2>&1
fi
has_sdk || skip "the SDK of CloudEvents is not there; make check-cloudevents fetches it"
"$PYTHON" "$top_srcdir/tests/check_cloudevents.py" "$top_builddir/tests/cloudevent_records" \
	"$top_srcdir/tests/data/event/valid"
