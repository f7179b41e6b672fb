# SPDX-License-Identifier: BSD-2-Clause
# The functions in the SYNOPSIS of mdoc pages, one a line: name, TAB, prototype
# (as prototypes.awk writes it), TAB, the header of the last .In, TAB, the page.
# Needs normal.awk.
FNR == 1 { inside = 0; header = "" }
/^\.Sh / { inside = $2 == "SYNOPSIS" }
!inside { next }
/^\.In / { header = $2 }
/^\.Ft / { type = words(substr($0, 5)) }
/^\.F[no] / {
	words(substr($0, 5))
	name = word[1]
	arguments = ""
	for (i = 2; i <= count; i++)
		arguments = arguments (i > 2 ? ", " : "") word[i]
}
/^\.Fa / {
	words(substr($0, 5))
	for (i = 1; i <= count; i++)
		arguments = arguments (arguments == "" ? "" : ", ") word[i]
}
/^\.F[nc]/ && name ~ /^psm_/ {
	file = FILENAME
	sub(/.*\//, "", file)
	print name "\t" normal(type " " name "(" arguments ")") "\t" header "\t" file
}

# Splits text into word[1..count], quotes taken away; returns all in one.
function words(text,   all, w)
{
	count = 0
	all = ""
	while (match(text, /"[^"]*"|[^ \t"]+/)) {
		w = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		gsub(/"/, "", w)
		word[++count] = w
		all = all (count > 1 ? " " : "") w
	}
	return all
}
