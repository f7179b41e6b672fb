#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rules of the house that a script can see.
. "$top_srcdir/tests/checks.sh"

max_function=100 max_file=700 max_readme=80 max_design=250

tree_files >"$tmp/all"
grep -vE '^tests/data/' "$tmp/all" >"$tmp/text"
grep -E '\.[ch]$' "$tmp/text" >"$tmp/c"

# Plain text, nothing hidden in it.
while IFS= read -r file; do
	path=$top_srcdir/$file
	[ -s "$path" ] || continue
	tr -d '\000' <"$path" | cmp -s - "$path" || fault "$file: a binary file"
done <"$tmp/all"

while IFS= read -r file; do
	path=$top_srcdir/$file
	awk -v name="$file" -v cr="$(printf '\r')" '
	index($0, cr) { print name ":" NR ": a carriage return" }
	/[ \t]$/ { print name ":" NR ": blanks at the end" }
	/^(<<<<<<<|>>>>>>>)/ { print name ":" NR ": a merge was left open" }' "$path"
	[ -z "$(tail -c 1 "$path")" ] || echo "$file: no newline at the end"
	case $file in
	build-aux/debian/*) ;; # as Debian's tools have it
	*.[ch] | *.h.in | *.py | *.sh | *.awk | *.[1-9] | *.[1-9].in | check | demo | .ci/run | build-aux/*)
		head -n 3 "$path" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$file: no SPDX line"
		case $file in *.[1-9]) continue ;; esac # a page is looked up, not read through
		lines=$(wc -l <"$path")
		[ "$lines" -le $max_file ] || echo "$file: $lines lines, more than $max_file"
		;;
	esac
done <"$tmp/text" >"$tmp/lines"
faults "$tmp/lines"

# The formatter leaves comments alone (it would run the rows of a contract
# together), so somebody has to count.
grep -E '^include/.*\.h$' "$tmp/text" | while IFS= read -r file; do
	expand "$top_srcdir/$file" | awk -v name="$file" 'length > 80 { print name ":" NR ": more than 80 columns" }'
done >"$tmp/lines"
faults "$tmp/lines"

for limit in README.md:$max_readme DESIGN.md:$max_design; do
	file=$top_srcdir/${limit%:*}
	[ -e "$file" ] || continue
	lines=$(wc -l <"$file")
	[ "$lines" -le "${limit#*:}" ] || fault "${limit%:*}: $lines lines, more than ${limit#*:}"
done

# Work left open. The words are put together here, or this file would have them.
open="TO""DO|FIX""ME|XX""X|HA""CK"
while IFS= read -r file; do
	grep -nE "(^|[^A-Za-z_])($open)([^A-Za-z_]|\$)" "$top_srcdir/$file" | sed "s,^,$file:,; s/\$/   <- left open/"
done <"$tmp/text" >"$tmp/lines"
faults "$tmp/lines"

# clang-format puts a function's braces into the first column.
while IFS= read -r file; do
	awk -v name="$file" -v max=$max_function '
	/^\{/ { start = NR }
	/^\}/ { if (start && NR - start > max) print name ":" start ": a function of " NR - start " lines, more than " max; start = 0 }
	' "$top_srcdir/$file"
done <"$tmp/c" >"$tmp/lines"
faults "$tmp/lines"

# What code may not call. Comments and strings do not count.
(cd "$top_srcdir" && xargs awk -f tests/strip.awk -v named=1) <"$tmp/c" >"$tmp/code"
refuse() { # files, not these files, code, why
	grep -E "^($1):" "$tmp/code" | grep -vE "^($2):" | grep -E "^[^:]*:[0-9]*:(.*[^A-Za-z0-9_>.])?($3)" |
		sed "s/\$/   <- $4/" >"$tmp/lines"
	faults "$tmp/lines"
}
refuse 'lib/[^:]*' 'lib/(base|service)/mem\.c' \
	'(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf|free)[[:space:]]*\(' \
	'memory comes from psm__alloc and its kin'
# Commands are a program's: they talk to a person.
refuse 'lib/[^:]*' 'lib/service/log[a-z_]*\.c|lib/platform/command[a-z_]*\.c' \
	'(printf|vprintf|puts|putchar|perror)[[:space:]]*\(|stdout|stderr' \
	'the library writes to no stream'
# A shutdown past its deadline must end, whatever other threads do.
refuse 'lib/[^:]*' 'lib/service/signals\.c' '(exit|_exit|quick_exit)[[:space:]]*\(' 'the library never ends the process'
refuse 'lib/[^:]*' 'none' '(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol)[[:space:]]*\(' 'there is a checked way'
refuse 'lib/[^:]*|examples/[^:]*' 'none' 'strerror_r[[:space:]]*\(' 'there are two of that name with different results: strerror() is thread-safe here'
# Fakes are slow on purpose.
refuse 'tests/[^:]*' 'tests/fake_[a-z_]*\.c' '(sleep|usleep|nanosleep)[[:space:]]*\(' 'wait for a condition'
grep -E '^tests/.*\.(py|sh)$' "$tmp/text" | grep -vE '^tests/(check_style|test_checks)\.sh$' | while IFS= read -r file; do
	grep -nE '(^|[^A-Za-z0-9_-])(time\.)?sleep[ (][0-9a-z]' "$top_srcdir/$file" | sed "s,^,$file:,; s/\$/   <- wait for a condition/"
done >"$tmp/lines"
faults "$tmp/lines"
exit $rc
