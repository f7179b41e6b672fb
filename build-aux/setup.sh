# SPDX-License-Identifier: BSD-2-Clause
# Sourced by ./check and ./demo (bash): the packages they need, a copy of the
# tree to build in, and steps that are timed and can be interrupted.

set -o pipefail

# Debian's names; "a|b" is satisfied by either.
build_packages='autoconf autoconf-archive automake libtool pkgconf|pkg-config make gcc libc6-dev
	librdkafka-dev libyajl-dev libpq-dev libssl-dev libutf8proc-dev libmicrohttpd-dev libcurl4-openssl-dev|libcurl4-gnutls-dev
	libcmark-gfm-dev libcmark-gfm-extensions-dev libgmime-3.0-dev
	check python3 postgresql'
check_packages='g++ binutils mandoc clang clang-format-14|clang-format pgbouncer python3-jsonschema python3-aiosmtpd mypy python3-pip python3-setuptools python3-venv python3-wheel openssl docker-compose python3-yaml curl'

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

begin_seconds=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin_seconds)) "$*"; }

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Those of the packages named that are not installed; of a|b the first one that
# this release of Debian has.
missing_packages() {
	local wanted name
	for wanted; do
		for name in ${wanted//|/ }; do
			installed "$name" && continue 2
		done
		for name in ${wanted//|/ }; do
			[ -z "$(apt-cache --quiet=2 show --no-all-versions "$name" 2>/dev/null)" ] || break
		done
		printf '%s ' "$name"
	done
}

# install_packages NAME...: with apt-get, and only what is missing.
install_packages() {
	local missing sudo=
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		say "no apt-get here: taking the packages as given ($*)"
		return 0
	fi
	[ -n "$(missing_packages "$@")" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "please install as root: apt-get update && apt-get install $(missing_packages "$@")"
		sudo='sudo'
	fi
	say "apt-get update"
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q update >"$work/log/apt-update" 2>&1
	# Which of a|b there is, is known only now.
	missing=$(missing_packages "$@")
	say "installing with apt-get: $missing"
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing \
			>"$work/log/apt-install" 2>&1 </dev/null || {
		tail -n 20 "$work"/log/apt-* >&2
		die "the packages could not be installed"
	}
}

# make_work NAME: a directory of our own in $work, for all that is written.
# Autotools cannot work under a path with blanks.
make_work() {
	local base=${TMPDIR:-/tmp}
	case $base in *[!A-Za-z0-9_./+-]*) base=/tmp ;; esac
	work=$(mktemp -d "$base/psymatch-$1.XXXXXX") || die "no temporary directory under $base"
	chmod 755 "$work" # the database server of the tests is another user
	mkdir "$work/log" "$work/tmp"
	chmod 1777 "$work/tmp"
}

# list_tree DIR: the files of the tree, also those not yet committed.
list_tree() {
	if [ -e "$1/.git" ] && command -v git >/dev/null; then
		git -c safe.directory='*' -C "$1" ls-files --cached --others --exclude-standard
	else
		(cd "$1" && find . -type f ! -path './.git/*' ! -path ./.git ! -path './autom4te.cache/*' ! -name '*~' \
			! -path './build/*' ! -path './build-[0-9]*/*' \
			! -path '*/.libs/*' ! -path '*/.deps/*' \
			! -path '*/__pycache__/*' ! -name '*.l[ao]' ! -name '*.o' ! -name config.status | sed 's,^\./,,')
	fi | LC_ALL=C sort | while IFS= read -r file; do
		if [ -e "$1/$file" ]; then printf '%s\n' "$file"; fi
	done
}

# copy_tree FROM TO: so that nothing is written into the tree.
copy_tree() {
	mkdir -p "$2"
	list_tree "$1" >"$work/files"
	[ -s "$work/files" ] || die "no files found in $1"
	tar -C "$1" --no-recursion -cf - -T "$work/files" | tar -C "$2" --no-same-owner -xf - && chmod -R u+w "$2"
}

# group COMMAND...: in a process group of its own, which end_group can end.
group_pid=
group() {
	local status
	set -m
	"$@" </dev/null &
	group_pid=$!
	set +m
	wait "$group_pid"
	status=$?
	group_pid=
	return $status
}

end_group() {
	local pid=$group_pid
	group_pid=
	[ -n "$pid" ] || return 0
	kill -TERM -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# logged NAME COMMAND...: the output goes to a file of that name.
logged() {
	local name=$1
	shift
	group "$@" >"$work/log/$name" 2>&1
}

# configured SRC BUILD CONFIGURE-ARGUMENT...: by configure (made first when
# missing), out of tree. libtool is a script of the shell that configure ran in:
# by dash it takes a third of the time that bash needs.
configured() {
	local src=$1 dir=$2
	shift 2
	[ -x "$src/configure" ] || logged bootstrap "$src/build-aux/bootstrap" || return
	mkdir -p "$dir"
	(cd "$dir" && CONFIG_SHELL=/bin/sh exec /bin/sh "$src/configure" -q "$@") >"$work/log/configure" 2>&1 || {
		tail -n 20 "$work/log/configure" "$dir/config.log"
		return 1
	}
}

# build, of the same arguments: and make.
build() {
	configured "$@" && logged make make -C "$2" -s -j "$jobs" all
}

jobs=$(nproc 2>/dev/null || echo 2)
# A compiler cache is used where there is one.
cc=gcc
use_compiler() { # gcc or clang
	cc=$1
	if command -v ccache >/dev/null; then cc="ccache $cc"; fi
	export CC="$cc"
}
