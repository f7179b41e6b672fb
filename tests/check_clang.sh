#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What gcc lets pass is told by clang: each file is read by it with the warnings
# of the build as errors. Nothing is compiled, so it takes seconds.
. "$top_srcdir/tests/checks.sh"

cc=${CLANG:-clang}
command -v "$cc" >/dev/null || skip "no clang"
# As in the Makefile: the flags of configure, and the names that some programs
# are built with (-DRIG=...), one value of each.
made=$top_builddir/Makefile
flags='-Wextra -Wall'
if [ -e "$made" ]; then
	flags=$(sed -n '/^AM_CFLAGS/d; s/^[A-Z0-9]*_CFLAGS = //p' "$made" | tr '\n' ' ')
	flags="$flags $(grep -oE -- "-D(RIG|SUITE|FUZZ_DATA)='?[^ ]+" "$made" | grep -v '[$]' | tr -d "'" | sort -u -t= -k1,1 | tr '\n' ' ')"
fi
flags="$flags -DPSM_TEMPLATE_DIR=\"templates\""
export cc flags

# One at a time would take a minute.
tree_files | grep -E '^(lib|examples|tests|bench)/.*\.c$' | grep -v '^tests/data/' >"$tmp/c"
(cd "$top_builddir" && xargs -P "$(nproc)" -n 16 sh -c '
	for file; do
		# shellcheck disable=SC2086
		"$cc" -fsyntax-only -Werror -Wno-unknown-warning-option -D_GNU_SOURCE \
			-I. -I"$top_srcdir" -I"$top_srcdir/include" -Iinclude -I"$top_srcdir/lib" -Ilib \
			-I"$top_srcdir/tests" -I"$top_srcdir/bench" $flags "$top_srcdir/$file"
	done' -) <"$tmp/c" >"$tmp/out" 2>&1
grep -E '(error|warning):' "$tmp/out" | sed "s,^$top_srcdir/,," >"$tmp/lines"
faults "$tmp/lines"
exit $rc
