#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The benchmarks run and compare three sides; what they measure is no test.
. "$top_srcdir/tests/checks.sh"
[ "${PSM_SANITIZE:-no}" = no ] || skip "the run without sanitizers does it"

for bench in produce consume; do
	"$top_builddir/bench/$bench" --count 200 --rounds 1 --json >"$tmp/$bench" 2>"$tmp/log" || {
		cat "$tmp/log"
		fault "bench/$bench failed"
		continue
	}
	sides=$(tr ',{' '\n\n' <"$tmp/$bench" | grep -c '"events_per_s":[1-9]')
	[ "$sides" = 3 ] || fault "bench/$bench: want 3 sides with a rate, found $sides"
done
"$top_builddir/bench/parse" --count 200 --rounds 1 --json >"$tmp/parse" 2>&1 &&
	[ "$(tr ',{' '\n\n' <"$tmp/parse" | grep -c '"events_per_s":[1-9]')" = 2 ] ||
	fault "bench/parse failed: $(cat "$tmp/parse")"
"$top_builddir/bench/record" --count 200 --rounds 1 --json >"$tmp/record" 2>&1 &&
	[ "$(tr ',{' '\n\n' <"$tmp/record" | grep -c '"events_per_s":[1-9]')" = 3 ] ||
	fault "bench/record failed: $(cat "$tmp/record")"
"$top_builddir/bench/durable" --count 200 --rounds 1 --json >"$tmp/durable" 2>&1 &&
	[ "$(tr ',{' '\n\n' <"$tmp/durable" | grep -c '"events_per_s":[1-9]')" = 2 ] ||
	fault "bench/durable failed: $(cat "$tmp/durable")"
for cache in "" --cold; do
	"$top_builddir/bench/recovery" --count 5000 --rounds 1 --json $cache >"$tmp/recovery" 2>&1 &&
		[ "$(tr ',{' '\n\n' <"$tmp/recovery" | grep -c '"ratio":[0-9]')" = 4 ] ||
		fault "bench/recovery failed: $(cat "$tmp/recovery")"
done
"$top_srcdir/build-aux/with-postgres" "$top_builddir/bench/process" --count 200 --rounds 1 --json >"$tmp/process" 2>&1
case $? in
0) [ "$(tr ',{' '\n\n' <"$tmp/process" | grep -c '"events_per_s":[1-9]')" = 5 ] || fault "bench/process: want 5 sides with a rate" ;;
77) ;; # no PostgreSQL here
*) fault "bench/process failed: $(cat "$tmp/process")" ;;
esac
"$top_srcdir/build-aux/with-postgres" --private "$top_builddir/bench/journey" --count 3 --seconds 1 --gap-ms 5 --json >"$tmp/journey" 2>&1
case $? in
0) [ "$(grep -cE '"(p50_ms|commits_per_s)":[0.]*[1-9]' "$tmp/journey")" = 3 ] || fault "bench/journey: want 3 sides with a figure: $(cat "$tmp/journey")" ;;
77) ;;
*) fault "bench/journey failed: $(cat "$tmp/journey")" ;;
esac
"$top_srcdir/build-aux/with-postgres" --private "$top_builddir/bench/import" --count 200 --files 3 --json >"$tmp/import" 2>&1
case $? in
0) [ "$(grep -cE '"run":(1,"written":200|2,"written":0),' "$tmp/import")" = 2 ] || fault "bench/import: want 200 and 0 written: $(cat "$tmp/import")" ;;
77) ;;
*) fault "bench/import failed: $(cat "$tmp/import")" ;;
esac
"$top_srcdir/bench/http" 1 1 4 >"$tmp/http" 2>&1
case $? in
0) [ "$(grep -cE '^(record|page|new) .* [1-9][0-9]* .* [1-9][0-9]* ' "$tmp/http")" = 3 ] || fault "bench/http: want 3 lines with rates: $(cat "$tmp/http")" ;;
77) ;; # no wrk, no PostgreSQL
*) fault "bench/http failed: $(cat "$tmp/http")" ;;
esac
"$top_builddir/bench/bundle" --searches 20000 --therapists 500 --json >"$tmp/bundle" 2>&1 &&
	[ "$(grep -c '"value":' "$tmp/bundle")" = 15 ] || fault "bench/bundle failed: $(cat "$tmp/bundle")"
"$top_srcdir/build-aux/with-postgres" --private "$top_builddir/bench/bundle_load" --searches 500 --therapists 50 --json >"$tmp/load" 2>&1
case $? in
0) grep -q '"searches loaded","value":500,' "$tmp/load" || fault "bench/bundle_load: want 500 searches: $(cat "$tmp/load")" ;;
77) ;;
*) fault "bench/bundle_load failed: $(cat "$tmp/load")" ;;
esac
"$top_srcdir/build-aux/with-postgres" --private "$top_builddir/bench/inquiry" --few 200 --searches 400 --therapists 100 --count 20 --json >"$tmp/inquiry" 2>&1
case $? in
0) [ "$(grep -c '"name":"  p99","value":[0-9]' "$tmp/inquiry")" = 2 ] || fault "bench/inquiry: want 2 figures: $(cat "$tmp/inquiry")" ;;
77) ;;
*) fault "bench/inquiry failed: $(cat "$tmp/inquiry")" ;;
esac
"$top_builddir/bench/latency" --count 1000 --json >"$tmp/latency" 2>&1 &&
	grep -q '"p99_us":[0-9]' "$tmp/latency" || fault "bench/latency failed: $(cat "$tmp/latency")"
"$top_builddir/bench/latency" --flat --count 1000 --json >"$tmp/flat" 2>&1 &&
	[ "$(grep -c '"peak_kb":[1-9]' "$tmp/flat")" = 10 ] || fault "bench/latency --flat failed: $(cat "$tmp/flat")"
exit $rc
