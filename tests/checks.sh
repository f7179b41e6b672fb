# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the checks of the tree (check_*.sh): where the tree is, which files
# are in it, how a fault is told. Each check exits 0, 1 (a fault), 77 (a tool is
# missing) or 99 (the check itself is broken). test_checks.sh runs every check
# on small trees with a fault planted.
LC_ALL=C
export LC_ALL
: "${top_srcdir:?is the root of the source tree}" "${top_builddir:?is the root of the build tree}"
# The headers that configure makes are in the build tree.
include_dirs="-I$top_srcdir/include -I$top_builddir/include"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
rc=0

fault() {
	printf '%s\n' "$*"
	rc=1
}

# Each line of the file is a fault.
faults() {
	while IFS= read -r fault_line; do
		fault "$fault_line"
	done <"$1"
}

skip() {
	printf 'skipped: %s\n' "$*"
	exit 77
}

# The files of the tree, relative to its root: those that git knows or would
# add; in a tarball those of the source folders that configure did not make.
tree_files() {
	(
		cd "$top_srcdir" || exit 99
		if [ -e .git ] && command -v git >/dev/null; then
			git -c safe.directory='*' ls-files --cached --others --exclude-standard
		else
			find .ci bench bindings build-aux examples include lib man tests \
				./*.md ./*.ac ./*.am ./*.in check demo CHANGES LICENSE .clang-format \
				-type f ! -name '*.l[ao]' ! -name '*.[ao]' ! -name '*.log' ! -name '*.trs' \
				! -name '*.pyc' ! -name '*.Plo' ! -name '*.Po' ! -path '*/.libs/*' 2>/dev/null |
				sed 's,^\./,,' | grep -vxE "$made_by_autotools"
		fi
	) | sort -u | while IFS= read -r file; do
		[ -f "$top_srcdir/$file" ] && printf '%s\n' "$file"
	done
}
made_by_autotools='Makefile\.in|config\.h\.in|build-aux/(ar-lib|compile|config\.guess|config\.sub|depcomp|install-sh|ltmain\.sh|missing|py-compile|test-driver)'

# Those of tree_files that match the extended regular expression.
tree() {
	tree_files >"$tmp/tree"
	[ -s "$tmp/tree" ] || { echo "no files found in $top_srcdir" >&2; exit 99; }
	grep -E "$1" "$tmp/tree"
}

# The exported functions of the headers given: name, TAB, prototype.
prototypes_of() {
	awk -f "$top_srcdir/tests/strip.awk" "$@" |
		awk -f "$top_srcdir/tests/normal.awk" -f "$top_srcdir/tests/prototypes.awk" | sort
}
