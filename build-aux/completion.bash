# SPDX-License-Identifier: BSD-2-Clause
# Completion of the tools in bash: commands and options are those that a tool's
# --help shows, so that they are never out of date; names of event types and
# topics are those of the catalogue.
_psymatch() {
	local tool=$1 word=$2 before=$3 help
	COMPREPLY=()
	case $before in
	--type)
		mapfile -t COMPREPLY < <(compgen -W "$(psymatch-events --table 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$word")
		return
		;;
	--port-file | --key-file | --check)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	help=$("$tool" --help 2>/dev/null) || return
	case $word in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '--[a-z][a-z-]*' <<<"$help" | sort -u)" -- "$word")
		;;
	*)
		# The words of the usage: "plan | apply | check".
		mapfile -t COMPREPLY < <(compgen -W "$(
			sed -n '/^usage:/,/^[^u ]/s/\(^usage:\| \{7\}\) *psymatch-[a-z]* *//p' <<<"$help" |
				grep -oE '(^|[] |.])[a-z][a-z-]+( \||$| [A-Z[])' | grep -oE '[a-z][a-z-]+' | sort -u
			case ${tool##*/} in psymatch-replay) psymatch-events --table 2>/dev/null | awk 'NR > 1 { print $2 != "(command)" ? $2 : $3 }' | sort -u ;; esac
		)" -- "$word")
		[ ${#COMPREPLY[@]} -gt 0 ] || { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); }
		;;
	esac
}
complete -F _psymatch psymatch-dead psymatch-devbroker psymatch-doctor psymatch-events \
	psymatch-replay psymatch-spool psymatch-topics
