#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What psymatch-events prints is sound, and its --check finds every fault.
set -u
events=$top_builddir/psymatch-events
data=$top_srcdir/tests/data/event
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

# -- the table: a head and one line per type, columns that line up
"$events" >"$dir/table" || fail "table: exit $?"
"$events" --table | cmp -s - "$dir/table" || fail "--table is not the default"
for type in patient.created therapist.blocked 'communication.send_email (command)' match.created; do
	grep -q "^$type  *[a-z-]*-\(events\|requests\|commands\)  *[a-z_]*_id" "$dir/table" ||
		fail "table: no line for $type"
done
[ "$(awk '{ print index($0, "-events  ") ? "" : $1 }' "$dir/table" | head -1)" = TYPE ] ||
	fail "table: no head"

# -- the same as JSON
"$events" --json >"$dir/json" || fail "--json: exit $?"
[ "$(wc -l <"$dir/json")" = "$(sed 1d "$dir/table" | wc -l)" ] || fail "--json: want a line per type"
grep -qE '^\{"type":"patient.created","command":false,"topic":"patient-events","key":\["patient_id"\],"from":\["patient-service"\],"to":\[.*\],"also_called":\[.*\]\}$' "$dir/json" ||
	fail "--json: $(head -n 1 "$dir/json")"
grep -q '"type":"email.sent",.*"also_called":\["communication.email_sent"\]' "$dir/json" || fail "--json: no other name of email.sent"
grep -q '"type":"communication.schedule_call","command":true,.*"key":\["therapist_id","patient_id"\]' "$dir/json" ||
	fail "--json: communication.schedule_call has not both of its keys"

# -- lint: whatever is odd has its reason
"$events" --lint >"$dir/lint" || fail "lint: exit $?"
grep -v '^explained: [a-z_.]*: .* (..*)$' "$dir/lint" && fail "lint: a finding without its reason"
grep -q '^explained: search.status_changed: no service reads it' "$dir/lint" || fail "lint: silent"

"$top_builddir/tests/events-lacking" --lint >"$dir/lint" && fail "lint: exit 0 though handlers are missing"
for line in 'match.created: patient-service reads it, but has no handler' \
	'match.created: communication-service handles it, but does not read it' \
	'geocoding.calculate_distance: geocoding-service reads it, but has no handler'; do
	grep -qxF "error: $line" "$dir/lint" || fail "lint: does not say $line"
done

# -- the manual page
"$events" --man >"$dir/psymatch-events.7" || fail "man: exit $?"
cmp -s "$dir/psymatch-events.7" "$top_builddir/psymatch-events.7" || fail "man: the built page is another one"
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$dir/psymatch-events.7" >"$dir/mandoc" 2>&1 || :
	[ -s "$dir/mandoc" ] && { cat "$dir/mandoc"; fail "man: mandoc warns"; }
fi

# -- the schemas
"$events" --json-schema >"$dir/schema.json" || fail "json-schema: exit $?"
"$events" --asyncapi >"$dir/asyncapi.json" || fail "asyncapi: exit $?"
if [ "$PYTHON" != : ]; then
	"$PYTHON" "$top_srcdir/tests/check_events.py" "$dir/schema.json" "$dir/asyncapi.json" "$data" "$dir/table" ||
		fail "schemas"
fi

# -- events in files
for case in "$data"/valid/*; do
	name=${case##*/}
	"$events" --check "$case/input" >"$dir/out"
	status=$?
	case $name in
	unknown-type)
		[ $status = 1 ] && grep -q ':1:1: the catalogue has no event type "invoice.paid"$' "$dir/out" ||
			fail "check $name: $status, $(cat "$dir/out")" ;;
	*)
		[ $status = 0 ] && [ ! -s "$dir/out" ] || fail "check $name: $status, $(cat "$dir/out")" ;;
	esac
done
for case in "$data"/invalid/*; do
	"$events" --check "$case/input" >"$dir/out"
	status=$?
	want="$case/input:$(sed -n 's/^line //p' "$case/error"):$(sed -n 's/^column //p' "$case/error"): $(sed -n 's/^text //p' "$case/error")"
	[ $status = 1 ] && [ "$(cat "$dir/out")" = "$want" ] || fail "check ${case##*/}: $status, $(cat "$dir/out")"
done
"$events" --check "$data/valid/alias/input" "$data/invalid/array/input" "$data/invalid/null/input" >"$dir/out" &&
	fail "check: several files, exit 0"
[ "$(wc -l <"$dir/out")" = 2 ] || fail "check: several files, $(cat "$dir/out")"
"$events" --check - <"$data/valid/alias/input" || fail "check: standard input"
"$events" --check "$dir/nothing" >"$dir/out" && fail "check: a file that is not there"
grep -q "/nothing:0:0: cannot be read" "$dir/out" || fail "check: $(cat "$dir/out")"

# -- wrong use, and nowhere to write
for use in --nothing '--table more' --check '--lint x'; do
	"$events" $use >"$dir/out" 2>"$dir/err"
	[ $? = 2 ] && [ ! -s "$dir/out" ] && grep -q '^usage: ' "$dir/err" || fail "use: $use"
done
"$events" --help | grep -q '^usage: ' || fail "--help"
if [ -w /dev/full ]; then
	"$events" --json-schema >/dev/full 2>/dev/null && fail "a full disk is not noticed"
fi
exit $failed
