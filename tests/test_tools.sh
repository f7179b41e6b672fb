#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What all tools and services have in common: --help, --version, which option
# was wrong, a full disk, a reader that went away, the manual page, completion.
set -u
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
failed=0
tools='psymatch-dead psymatch-devbroker psymatch-doctor psymatch-events psymatch-replay psymatch-spool psymatch-topics'
services='communication-service geocoding-service matching-service patient-service therapist-service psymatch-platform'
version=$(sed -n 's/^#define PSM_VERSION "\(.*\)"/\1/p' "$top_builddir/include/psymatch/version.h")

fail() {
	echo "FAIL: $*"
	failed=1
}

for tool in $tools $services; do
	program=$top_builddir/$tool
	[ "$("$program" --version)" = "$tool (psymatch) $version" ] || fail "$tool --version: $("$program" --version 2>&1)"
	for option in --help -h; do
		"$program" $option >"$dir/help" 2>"$dir/err" || fail "$tool $option: exit $?"
		[ ! -s "$dir/err" ] || fail "$tool $option: complains: $(cat "$dir/err")"
		grep -q "^usage: $tool" "$dir/help" || fail "$tool $option: no usage"
	done
	"$program" --nothing >"$dir/out" 2>"$dir/err"
	[ $? = 2 ] && [ ! -s "$dir/out" ] || fail "$tool --nothing: another exit status than 2, or output"
	head -n 1 "$dir/err" | grep -q -e --nothing || fail "$tool --nothing: $(head -n 1 "$dir/err")"
	grep -q "^usage: $tool" "$dir/err" || fail "$tool --nothing: no usage"
	if [ -w /dev/full ]; then
		for option in --help --version; do
			"$program" $option >/dev/full 2>"$dir/err" && fail "$tool $option: a full disk is not noticed"
			grep -q "^$tool: standard output: " "$dir/err" || fail "$tool $option on a full disk: $(cat "$dir/err")"
		done
	fi
	# The reader is gone before it begins: no word, whatever its exit status.
	mkfifo "$dir/fifo" || exit 99
	{ "$program" --help; } 2>"$dir/err" >"$dir/fifo" & writer=$!
	: <"$dir/fifo"
	wait $writer
	grep -v "standard output: Broken pipe" "$dir/err" | grep . && fail "$tool --help into a closed pipe"
	rm "$dir/fifo"
done

# The options in --help are those of the page, and those that bash completes.
# Every long option, each once.
long_options() {
	grep -oE -e '--[a-z][a-z-]*' "$1" | sort -u
}
for tool in $tools; do
	"$top_builddir/$tool" --help >"$dir/help"
	long_options "$dir/help" >"$dir/options"
	grep -oE 'Fl -[a-z][a-z-]*' "$top_srcdir/man/$tool.1" | sed 's/Fl -/--/' | sort -u >"$dir/page"
	# Every page says --help and --version somewhere; they are in psymatch(3) for the rest.
	comm -23 "$dir/options" "$dir/page" | grep -vxe --help -e --version | grep . && fail "$tool: options that its page lacks"
	comm -13 "$dir/options" "$dir/page" | grep . && fail "$tool: options of its page that --help lacks"
	grep -q '^\.Sh EXIT STATUS' "$top_srcdir/man/$tool.1" || fail "$tool: its page has no exit status"
	# What --help names, the program knows: else it says so by name.
	while read -r option; do
		case $tool$option in
		*--help | *--version) continue ;;
		psymatch-events*) continue ;; # each command has its own, below
		esac
		timeout 20 "$top_builddir/$tool" "$option" --help --help </dev/null >/dev/null 2>"$dir/err"
		grep -q "unrecognized option" "$dir/err" && fail "$tool does not know its $option"
	done <"$dir/options"
	if command -v bash >/dev/null; then
		PATH=$top_builddir:$PATH bash -c '. "$0"; _psymatch "$1" -- "$1"; printf "%s\n" "${COMPREPLY[@]}"' \
			"$top_srcdir/build-aux/completion.bash" "$tool" 2>/dev/null | sort -u >"$dir/offered"
		cmp -s "$dir/options" "$dir/offered" || fail "$tool: completion offers other options: $(comm -3 "$dir/options" "$dir/offered")"
	fi
done

# What the usage of psymatch-events says of its commands, they know.
while read -r command options; do
	for option in $options; do
		timeout 20 "$top_builddir/psymatch-events" "$command" "$option" --help --help </dev/null >/dev/null 2>"$dir/err"
		grep -q "unrecognized option '$option'" "$dir/err" && fail "psymatch-events $command does not know its $option"
	done
done <<'END'
send --producer --wait
trace --database --json --since --wait
watch --type --key --since --group --lag --json --payload
END

# Wrong values: the option is named, before any server is asked.
unset KAFKA_BOOTSTRAP_SERVERS DB_HOST
while IFS='|' read -r call option; do
	[ -n "$call" ] || continue
	# shellcheck disable=SC2086
	timeout 20 "$top_builddir"/$call </dev/null >"$dir/out" 2>"$dir/err"
	status=$?
	[ $status = 2 ] && [ ! -s "$dir/out" ] || fail "$call: exit $status, want 2, and no output"
	head -n 1 "$dir/err" | grep -qF -e "$option" || fail "$call: does not name $option: $(head -n 1 "$dir/err")"
done <<'END'
psymatch-dead --limit many ls|--limit
psymatch-dead --limit|--limit
psymatch-dead --type a --type b ls|--type
psymatch-dead --dead --parked ls|--dead
psymatch-dead --state relased ls|--state
psymatch-dead --since yesterday ls|--since
psymatch-dead --event-id 7 ls|--event-id
psymatch-dead release d1|--why
psymatch-devbroker --brokers 0|--brokers
psymatch-devbroker --port none|--port
psymatch-devbroker --topic x|--topic
psymatch-devbroker --topic x:0|NAME:PARTITIONS
psymatch-devbroker --brokers 17|1 to 16
psymatch-doctor --wait long|--wait
psymatch-events send --wait long search.status_changed|--wait
psymatch-events send --nothing|--nothing
psymatch-events trace --wait 0 x|--wait
psymatch-events trace --nothing|--nothing
psymatch-events trace --since then x|--since
psymatch-events watch --lag 0|--lag
psymatch-events watch --type no.type|--type
psymatch-events watch --since then|--since
psymatch-events watch --nothing|--nothing
psymatch-replay --limit 0 patient-events|--limit
psymatch-replay --partition x patient-events|--partition
psymatch-replay --partition 0 --from 5 --to 3 patient-events|--to
psymatch-replay --since then patient-events|--since
psymatch-replay --until 2026-01-31 patient-events|--until
psymatch-replay --type no.type patient-events|--type
psymatch-replay --from 3 patient-events|--from
psymatch-replay --until now --follow patient-events|--until
psymatch-replay --wait 0 patient-events|--wait
psymatch-spool --key-file|--key-file
psymatch-spool find .|find: no such command
psymatch-topics make|make: no such command
psymatch-topics --partitions 0 plan|--partitions
psymatch-topics --replication x plan|--replication
psymatch-topics --retention-days x plan|--retention-days
psymatch-topics --wait x plan|--wait
END
exit $failed
