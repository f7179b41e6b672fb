#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rules of the house that a script can see.
. "$top_srcdir/tests/checks.sh"

max_function=100 max_file=700 max_readme=80 max_design=250

tree_files >"$tmp/all"
grep -vE '^tests/data/' "$tmp/all" >"$tmp/text"
grep -E '\.[ch]$' "$tmp/text" >"$tmp/c"

# together LIST COMMAND...: on all files of the list at once, named from the root.
together() {
	list=$1
	shift
	(cd "$top_srcdir" && tr '\n' '\000' <"$list" | xargs -0 "$@")
}

# Plain text, nothing hidden in it. Only when something is, each file is asked.
together "$tmp/all" cat >"$tmp/whole"
tr -d '\000' <"$tmp/whole" | cmp -s - "$tmp/whole" || while IFS= read -r file; do
	path=$top_srcdir/$file
	tr -d '\000' <"$path" | cmp -s - "$path" || fault "$file: a binary file"
done <"$tmp/all"
[ "$(together "$tmp/text" tail -q -c 1 | tr -d '\n' | wc -c)" = 0 ] || while IFS= read -r file; do
	[ -z "$(tail -c 1 "$top_srcdir/$file")" ] || fault "$file: no newline at the end"
done <"$tmp/text"

# clang-format puts a function's braces into the first column.
(cd "$top_srcdir" && awk -v list="$tmp/text" -v cr="$(printf '\r')" -v max=$max_file -v max_function=$max_function '
BEGIN {
	while ((getline name <list) > 0)
		ARGV[ARGC++] = name
	last = ARGC
}
FNR == 1 { start = 0 }
{ lines[FILENAME] = FNR }
FNR <= 3 && /SPDX-License-Identifier: BSD-2-Clause/ { licensed[FILENAME] }
index($0, cr) { print FILENAME ":" FNR ": a carriage return" }
/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end" }
/^(<<<<<<<|>>>>>>>)/ { print FILENAME ":" FNR ": a merge was left open" }
/^\{/ { start = FNR }
/^\}/ {
	if (start && FNR - start > max_function && FILENAME ~ /\.[ch]$/)
		print FILENAME ":" start ": a function of " FNR - start " lines, more than " max_function
	start = 0
}
END {
	for (i = 1; i < last; i++) {
		name = ARGV[i]
		# As the tools of Debian have it.
		if (name ~ /^build-aux\/debian\//)
			continue
		if (name !~ /(\.([ch]|h\.in|py|sh|awk|[1-9]|[1-9]\.in))$|^(check|demo|\.ci\/run|build-aux\/.*)$/)
			continue
		if (!(name in licensed))
			print name ": no SPDX line"
		# A page is looked up, not read through.
		if (name !~ /\.[1-9]$/ && lines[name] > max)
			print name ": " lines[name] " lines, more than " max
	}
}') >"$tmp/lines"
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
together "$tmp/text" grep -nHE "(^|[^A-Za-z_])($open)([^A-Za-z_]|\$)" | sed 's/$/   <- left open/' >"$tmp/lines"
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
grep -E '^tests/.*\.(py|sh)$' "$tmp/text" | grep -vE '^tests/(check_style|test_checks)\.sh$' >"$tmp/scripts"
together "$tmp/scripts" grep -nHE '(^|[^A-Za-z0-9_-])(time\.)?sleep[ (][0-9a-z]' | sed 's/$/   <- wait for a condition/' >"$tmp/lines"
faults "$tmp/lines"
exit $rc
