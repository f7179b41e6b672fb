#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each setting of the tables is read somewhere, and what the examples of a
# deployment set is a setting.
. "$top_srcdir/tests/checks.sh"
cd "$top_srcdir" || exit 99

tables='lib/base/config_table.c lib/service/settings.c'
name='[A-Z][A-Z0-9]*(_[A-Z0-9]+)+'
# A row begins with its name.
for table in $tables; do
	[ ! -e $table ] || sed -nE "s/^ *\{?\"($name)\", *(\"[a-z]+\"|[A-Z]+)?.*/\1/p" $table
done | sort -u >"$tmp/settings"
[ -s "$tmp/settings" ] || skip "no tables of settings"

tree '^(lib|examples)/.*\.[ch]$' | grep -vxF "$(printf '%s\n' $tables)" | xargs grep -hoE "\"$name\"" | tr -d '"' | sort -u >"$tmp/read"
comm -23 "$tmp/settings" "$tmp/read" | sed 's/$/: no code reads this setting/' >"$tmp/faults"
faults "$tmp/faults"

# set_in FILE...: names in front of ":" or "=" but those that are of other programs' images.
set_in() {
	grep -hoE "^[[:space:]]*(#|- )?[[:space:]]*(Environment=|export )?$name(:|=)" "$@" /dev/null | grep -oE "$name" | sort -u
}
tree '^examples/(compose|systemd)/.*[.](yml|env|example|service)$' >"$tmp/files"
while IFS= read -r file; do
	set_in "$file" | grep -vE '^(POSTGRES|ZOOKEEPER)_' | comm -23 - "$tmp/settings" |
		while IFS= read -r one; do
			case $one in
			KAFKA_*) grep -q 'cp-kafka' "$file" && continue ;; # the broker's
			IMPORTS | SECRETS) continue ;; # folders of the compose file
			esac
			echo "$file: $one is no setting"
		done
done <"$tmp/files" >"$tmp/faults"
faults "$tmp/faults"
exit $rc
