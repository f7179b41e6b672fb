# SPDX-License-Identifier: BSD-2-Clause
# A C prototype with its blanks normalised.
function normal(s)
{
	gsub(/[ \t]+/, " ", s)
	gsub(/ ?\* ?/, "*", s)
	gsub(/\*+/, " &", s)
	gsub(/ ?\( ?/, "(", s)
	gsub(/ ?\) ?/, ")", s)
	gsub(/ ?, ?/, ", ", s)
	sub(/^ /, "", s)
	return s
}
