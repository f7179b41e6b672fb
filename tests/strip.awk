# SPDX-License-Identifier: BSD-2-Clause
# C without comments and without the contents of strings; lines stay where they
# were. With -v named=1 each line starts with "file:line:".
FNR == 1 { inside = 0 }
{
	rest = $0
	out = ""
	while (rest != "") {
		if (inside) {
			at = index(rest, "*/")
			if (!at)
				break
			rest = substr(rest, at + 2)
			inside = 0
			continue
		}
		if (!match(rest, /\/\*|\/\/|"|'/)) {
			out = out rest
			break
		}
		found = substr(rest, RSTART, RLENGTH)
		out = out substr(rest, 1, RSTART - 1)
		rest = substr(rest, RSTART + RLENGTH)
		if (found == "/*") {
			inside = 1
			out = out " "
		} else if (found == "//") {
			break
		} else {
			quoted = found == "\"" ? "^([^\"\\\\]|\\\\.)*\"" : "^([^'\\\\]|\\\\.)*'"
			out = out found found
			rest = match(rest, quoted) ? substr(rest, RLENGTH + 1) : ""
		}
	}
	print (named ? FILENAME ":" FNR ":" : "") out
}
