#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_schema.sh [--ajv]: the JSON Schema of psymatch-events accepts exactly what
# the library does. Events are made from the schema's own types, one thing wrong
# with each; Python's jsonschema judges them, or ajv, in its strict mode.
set -u
events=$top_builddir/psymatch-events
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

skip() {
	echo "skipped: $*"
	exit 77
}

[ "$PYTHON" != : ] || skip "no Python"
"$events" --json-schema >"$dir/schema.json" || exit 1
if [ "${1-}" != --ajv ]; then
	"$PYTHON" -c 'import jsonschema' 2>/dev/null || skip "Python's jsonschema is not installed"
	"$PYTHON" "$top_srcdir/tests/check_schema.py" "$events" "$dir"
	exit
fi

ajv=${XDG_CACHE_HOME:-$HOME/.cache}/psymatch/ajv-8
command -v node >/dev/null || skip "no node"
if [ ! -e "$ajv/node_modules/ajv/dist/2020.js" ]; then
	command -v npm >/dev/null || skip "ajv is not in $ajv and there is no npm to fetch it"
	mkdir -p "$ajv" || exit 99
	(cd "$ajv" && npm install --no-audit --no-fund --silent ajv@8 >"$dir/npm" 2>&1) ||
		skip "ajv could not be fetched"
fi
"$PYTHON" "$top_srcdir/tests/check_schema.py" --cases "$dir/cases.json" "$events" "$dir" || exit 1
NODE_PATH=$ajv/node_modules node "$top_srcdir/tests/check_schema.js" "$dir/schema.json" "$dir/cases.json"
