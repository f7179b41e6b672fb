#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every public header stands alone in C99 and in C++11, is in the umbrella
# header, and promises nothing that a binding cannot use: no struct layout, no
# inline function, no varargs, nothing of another library. The EXAMPLES of the
# manual compile with them.
. "$top_srcdir/tests/checks.sh"

umbrella=$top_srcdir/include/psymatch/psymatch.h
printf 'int main() { return 0; }\n' >"$tmp/any.cc"
${CC:-cc} -x c++ -std=c++11 -fsyntax-only "$tmp/any.cc" 2>/dev/null && cxx=yes || cxx=no

for h in "$top_srcdir"/include/psymatch/*.h "$top_builddir"/include/psymatch/version.h; do
	name=${h##*/}
	set -- '-x c -std=c99'
	[ $cxx = yes ] && set -- "$@" '-x c++ -std=c++11'
	for as; do
		# Twice: the guard works too.
		printf '#include <psymatch/%s>\n#include <psymatch/%s>\nint any;\n' "$name" "$name" |
			${CC:-cc} $as -pedantic -Wall -Wextra -Werror $include_dirs -fsyntax-only - ||
			fault "$name: does not stand alone ($as)"
	done
	case $name in
	mailer.h | matching_jobs.h) ;;
	geo_client.h | object_storage.h | platform.h | psymatch.h | rest.h | service.h | version.h) ;;
	*) grep -q "^#include <psymatch/$name>" "$umbrella" || fault "$name: not in psymatch.h" ;;
	esac
	head -n 3 "$h" | grep -q SPDX-License-Identifier || fault "$name: no SPDX line"
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*//p' "$h" |
		grep -vxE '<psymatch/[a-z_]+\.h>|<(stddef|stdint|limits)\.h>' >"$tmp/includes"
	while IFS= read -r line; do
		fault "$name: includes $line"
	done <"$tmp/includes"
	awk -f "$top_srcdir/tests/strip.awk" -v named=1 "$h" | sed 's,^.*/\([a-z_]*\.h:\),\1,' >"$tmp/code"
	grep -E '(^|[^A-Za-z_])(struct|union)([[:space:]]+[A-Za-z_0-9]+)?[[:space:]]*(\{|$)' "$tmp/code" |
		sed 's/$/   <- defines a struct or union/' >"$tmp/lines"
	grep -E '(^|[^A-Za-z_])(static|inline)[[:space:]]' "$tmp/code" | sed 's/$/   <- inline code/' >>"$tmp/lines"
	grep -F '...' "$tmp/code" | sed 's/$/   <- varargs/' >>"$tmp/lines"
	faults "$tmp/lines"
done

# What the manual shows as an example compiles.
{
	for h in geo_client mailer matching_jobs object_storage platform rest service; do
		[ ! -e "$top_srcdir/include/psymatch/$h.h" ] || echo "#include <psymatch/$h.h>"
	done
	awk -f "$top_srcdir/tests/examples.awk" "$top_srcdir"/man/*.3
} >"$tmp/examples.c"
${CC:-cc} -std=c11 -Wall -Wextra -Wno-unused -Werror $include_dirs -fsyntax-only "$tmp/examples.c" 2>"$tmp/lines" ||
	{ grep -E ': (error|warning): ' "$tmp/lines" >"$tmp/errors"; faults "$tmp/errors"; fault "EXAMPLES of the manual do not compile"; }
[ $rc = 0 ] && [ $cxx = no ] && skip "$CC compiles no C++; C99 is fine"
exit $rc
