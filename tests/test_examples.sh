#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every numbered example is built, runs, and prints what it is known to print.
set -u
data=$top_srcdir/tests/data/examples
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
failed=0
count=0

fail() {
	echo "FAIL: $*"
	failed=1
}

PSYMATCH_TRANSPORT=memory
PSYMATCH_SPOOL_DIR=$dir/spool
export PSYMATCH_TRANSPORT PSYMATCH_SPOOL_DIR
# It runs until a signal comes, and handles what another program sent.
handle='PSYMATCH_TRANSPORT=postgres; export PSYMATCH_TRANSPORT
	mkfifo "$1/fifo" || exit 99
	# stdbuf preloads, which a sanitizer wants to do itself.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 stdbuf -oL "$0/08_handle" >"$1/fifo" & pid=$!
	exec 3<"$1/fifo"
	"$0/07_send" >/dev/null || exit 1
	read -r line <&3 && echo "$line"
	kill -TERM $pid && cat <&3 && wait $pid'
for source in "$top_srcdir"/examples/[0-9][0-9]_*.c; do
	name=$(basename "$source" .c)
	count=$((count + 1))
	program=$top_builddir/examples/$name
	if [ ! -x "$program" ]; then
		fail "$name: not built"
		continue
	fi
	rm -rf "$PSYMATCH_SPOOL_DIR"
	case $name in
	08_*) timeout 60 "$top_srcdir/build-aux/with-postgres" --private sh -c "$handle" "$top_builddir/examples" "$dir" >"$dir/out" 2>"$dir/err" ;;
	06_*) timeout 60 "$top_srcdir/build-aux/with-postgres" --private "$program" >"$dir/out" 2>"$dir/err" ;;
	*) timeout 60 "$program" >"$dir/out" 2>"$dir/err" ;;
	esac
	rc=$?
	case $name:$rc in
	0[68]_*:77) echo "$name: skipped, there is no PostgreSQL" && continue ;;
	*:0) ;;
	*) fail "$name: exit $rc" ;;
	esac
	[ -s "$dir/err" ] && { cat "$dir/err"; fail "$name: complains"; }
	diff -u "$data/$name.out" "$dir/out" || fail "$name: prints other things"
done
for out in "$data"/*.out; do
	[ -f "$top_srcdir/examples/$(basename "$out" .out).c" ] ||
		fail "$out: of no example"
done
# Every tool says what it is and how it is used.
for tool in dead devbroker doctor events replay spool topics; do
	program=$top_builddir/psymatch-$tool
	[ "$("$program" --version)" = "psymatch-$tool (psymatch) $(sed -n 's/^#define PSM_VERSION "\(.*\)"/\1/p' "$top_builddir/include/psymatch/version.h")" ] ||
		fail "psymatch-$tool --version prints $("$program" --version 2>&1)"
	for option in --help -h; do
		"$program" $option 2>&1 >"$dir/out" | grep . && fail "psymatch-$tool $option complains"
		grep -q "^usage: psymatch-$tool" "$dir/out" || fail "psymatch-$tool $option prints no usage"
		"$program" $option >/dev/null || fail "psymatch-$tool $option: exit $?"
	done
done
# What a machine lacks is named.
mkdir "$dir/bin" && ln -s "$(command -v dirname)" "$dir/bin" || exit 99
PATH=$dir/bin "$top_srcdir/build-aux/bootstrap" 2>"$dir/err" && fail "bootstrap works without autoreconf"
grep -q '^bootstrap: autoreconf .*apt-get install' "$dir/err" || fail "bootstrap without autoreconf: $(cat "$dir/err")"
# What bash offers; its names come from the tools themselves.
offers() { # TOOL WORD BEFORE: on one line
	PATH=$top_builddir:$PATH bash -c '. "$0"; _psymatch "$1" "$2" "$3" 2>/dev/null; echo ${COMPREPLY[*]}' \
		"$top_srcdir/build-aux/completion.bash" "$1" "$2" "$3"
}
offered() { # WANT TOOL WORD BEFORE
	[ "$(offers "$2" "$3" "$4")" = "$1" ] || fail "completion of $2 $4 $3: want $1, got $(offers "$2" "$3" "$4")"
}
if command -v bash >/dev/null; then
	offered apply psymatch-topics a psymatch-topics
	offered '--partitions' psymatch-topics --par psymatch-topics
	offered 'verify' psymatch-spool v psymatch-spool
	offered 'patient-events' psymatch-replay patient- psymatch-replay
	offered 'search.status_changed' psymatch-replay search.st --type
	offered 'send' psymatch-events se psymatch-events
	for tool in dead devbroker doctor events replay spool topics; do
		offered '--help' psymatch-$tool --he psymatch-$tool
	done
fi
# A broker on ports of one's choice.
mkfifo "$dir/hold" "$dir/held" "$dir/ports" || exit 99
"$top_srcdir/build-aux/hold-ports" --row 2 <"$dir/hold" >"$dir/held" &
exec 4>"$dir/hold"
read -r port next <"$dir/held" || exit 99
"$top_builddir/psymatch-devbroker" --brokers 2 --port "$port" --topic t:1 >"$dir/ports" 2>"$dir/err" 4>&- &
pid=$!
exec 3<"$dir/ports"
said=
while read -r line <&3; do
	case $line in bootstrap=*) said=$line && break ;; esac
done
[ "$said" = "bootstrap=127.0.0.1:$port,127.0.0.1:$next" ] || fail "psymatch-devbroker --port $port: $said"
"$top_builddir/psymatch-devbroker" --port "$next" >/dev/null 2>"$dir/err" && fail "two brokers at port $next"
grep -q "^psymatch-devbroker: port $next: " "$dir/err" || fail "a taken port: $(cat "$dir/err")"
kill $pid && wait $pid || fail "psymatch-devbroker: exit $?"
exec 3<&- 4>&-
"$top_builddir/psymatch-devbroker" --port 65535 --brokers 2 >/dev/null 2>&1
[ $? = 2 ] || fail "psymatch-devbroker --port 65535 --brokers 2 is accepted"
[ "$count" -ge 5 ] || fail "only $count examples"
echo "$count examples"
exit $failed
