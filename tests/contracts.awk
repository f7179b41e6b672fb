# SPDX-License-Identifier: BSD-2-Clause
# The result codes that each function is said to have, one line each: function,
# TAB, code. Of headers (*.h) and of manual pages; what is written so that a
# reader cannot find them is a line that begins with "!".
function fault(text) { sub(/.*\//, "", file); print "!" file ":" FNR ": " text }
function flush_manual(	i) {
	if (count && !words)
		fault(code " without a text for " names[1])
	for (i = 1; i <= count; i++)
		print names[i] "\t" code
	count = 0
	words = 0
	after = 0
}
FNR == 1 {
	file = FILENAME
	is_header = FILENAME ~ /\.h$/
	inside = errors = n_codes = count = 0
	code = ""
}

# A comment's rows are "   PSM_ERR_X  text" below @return.
is_header && /^\/\*\*/ { n_codes = 0; inside = 0; next }
is_header && /^ \* @/ { inside = /@return/ }
is_header && inside && /^ \*( @return)?  +PSM_ERR_[A-Z_]+(,| and |$)/ {
	fault("several codes in a row, or one without a text: each has its own row")
	next
}
is_header && inside && /[^ *] +PSM_ERR_[A-Z_]+  / {
	fault("a code in the middle of a line: each has its own row")
	next
}
# What a formatter makes of a list: rows that run together, or begin in the
# first column.
is_header && (/[;,.] +PSM_ERR_[A-Z_]+: / || /; "[a-z_]+"( and "[a-z_]+")?: /) {
	fault("two rows of a list in one line")
}
is_header && /^ \* @(param|return)/ { rows = 1 }
is_header && (/^ \*$/ || /\*\//) { rows = 0 }
is_header && rows && /^ \* [^@ ]/ {
	fault("what belongs to a row begins in the first column")
}
is_header && inside && /^ \*  +(another|any other) code  / {
	fault("a code has its own row: name one, and say that it stands for others")
	next
}
is_header && inside && match($0, /^ \*( @return)?  +PSM_ERR_[A-Z_]+  /) {
	match($0, /PSM_ERR_[A-Z_]+/)
	codes[++n_codes] = substr($0, RSTART, RLENGTH)
	next
}
is_header && /^(PSM_API|typedef)/ && (match($0, /\(\*psm_[a-z0-9_]+\)/) || match($0, /psm_[a-z0-9_]+\(/)) {
	name = substr($0, RSTART, RLENGTH)
	gsub(/[(*)]/, "", name)
	for (i = 1; i <= n_codes; i++)
		print name "\t" codes[i]
	n_codes = 0
	next
}
is_header { next }

# Below ERRORS: .It Bq Dv CODE, then .Fn f , .Fn g : and the text of both.
/^\.Sh/ { if (errors) flush_manual(); errors = /^\.Sh ERRORS/; code = ""; next }
!errors { next }
/^\.It Bq Dv/ {
	flush_manual()
	code = $4
	next
}
/^\.(Pp|El)$/ { flush_manual(); next }
/^\.Fn psm_[a-z0-9_]+ ?[,:]?$/ && !words {
	names[++count] = $2
	after = 1
	next
}
/^\.Dv PSM_ERR_[A-Z_]+ ?,?$/ && !words {
	fault($2 " hides below " code ": it has its own entry")
	next
}
/^\.Dv PSM_ERR_[A-Z_]+$/ && before ~ /;$/ {
	fault($2 " hides below " code ": it has its own entry")
}
/^\.(Bl|It)/ { next }
{ words = 1; before = $0 }
