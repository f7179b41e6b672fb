# SPDX-License-Identifier: BSD-2-Clause
# The PSM_API functions of headers that strip.awk has passed, one a line: name,
# TAB, the prototype. Needs normal.awk.
{
	is_macro = continued || /^[ \t]*#/
	continued = is_macro && /\\$/
	if (!is_macro)
		text = text " " $0
}
END {
	n = split(text, statement, ";")
	for (i = 1; i <= n; i++) {
		s = statement[i]
		if (!match(s, /(^|[^A-Za-z0-9_])PSM_API[ \t]/))
			continue
		s = substr(s, RSTART + RLENGTH)
		gsub(/[ \t]+/, " ", s)
		sub(/ ?PSM_CHECK ?$/, "", s)
		sub(/ ?__attribute__ ?\(\(.*$/, "", s)
		s = normal(s)
		name = s
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
		print name "\t" s
	}
}
