#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_schema.sh [--ajv | --asyncapi]: the JSON Schema of psymatch-events accepts
# exactly what the library does. Events are made from the schema's own types, one
# thing wrong with each; Python's jsonschema judges them, or ajv, in its strict
# mode, or the schemas of the AsyncAPI document, which AsyncAPI's parser takes.
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
if [ $# = 0 ]; then
	"$PYTHON" -c 'import jsonschema' 2>/dev/null || skip "Python's jsonschema is not installed"
	"$PYTHON" "$top_srcdir/tests/check_schema.py" "$events" "$dir"
	exit
fi

# in_cache NAME PACKAGE FILE: NODE_PATH has the package, which npm fetches once.
in_cache() {
	modules=${XDG_CACHE_HOME:-$HOME/.cache}/psymatch/$1
	if [ ! -e "$modules/node_modules/$3" ]; then
		command -v npm >/dev/null || skip "$2 is not in $modules and there is no npm to fetch it"
		mkdir -p "$modules" || exit 99
		(cd "$modules" && npm install --no-audit --no-fund --silent "$2" >"$dir/npm" 2>&1) ||
			skip "$2 could not be fetched"
	fi
	NODE_PATH=$modules/node_modules${NODE_PATH:+:$NODE_PATH}
	export NODE_PATH
}

command -v node >/dev/null || skip "no node"
in_cache ajv-8 ajv@8 ajv/dist/2020.js
[ "$1" = --ajv ] || in_cache asyncapi-3 @asyncapi/parser@3 @asyncapi/parser/package.json
"$PYTHON" "$top_srcdir/tests/check_schema.py" --cases "$dir/cases.json" "$events" "$dir" || exit 1
if [ "$1" = --ajv ]; then
	node "$top_srcdir/tests/check_schema.js" "$dir/schema.json" "$dir/cases.json"
else
	"$events" --asyncapi >"$dir/asyncapi.json" || exit 1
	node "$top_srcdir/tests/check_asyncapi.js" "$dir/asyncapi.json" "$dir/cases.json"
fi
