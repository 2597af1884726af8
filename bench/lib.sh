# What bench/versions and bench/deltas share; sourced in the root of the repository.
# shellcheck shell=bash

# prepare CORPUS: builds the binaries, and goes to an empty directory in CORPUS, $work, which is
# gone at the end.
prepare() {
	corpus=$(realpath "$1")
	make -s build
	PATH=$PWD/bin:$PATH
	work=$(mktemp -d "$corpus/work-XXXXXX")
	mounted=
	trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
	cd "$work"
	export RESTIC_CACHE_DIR=$work/cache/restic BORG_BASE_DIR=$work/cache/borg
	export RESTIC_PASSWORD=x BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
}

# size FILE|DIRECTORY: the bytes of all files.
size() { find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%.0f\n", n }'; }
mb() { awk -v n="$1" 'BEGIN { printf "%.1f", n / 1e6 }'; }
row() { printf '| %s |\n' "$(printf '%s | ' "$@" | sed 's/ | $//')"; }

# timed COMMAND...: runs it, and leaves the seconds in $took.
timed() {
	local start
	start=$(date +%s.%N)
	"$@"
	took=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')
}

# What every process that is measured is run by: nothing, or a program that notes its memory.
meter=()
# Options of hexz-chunk.
cut=()

# pack FILE ARCHIVE [OPTION]...: OPTIONs are of hexz-dedup.
pack() {
	"${meter[@]}" hexz-chunk "${cut[@]}" "$1" | "${meter[@]}" hexz-dedup "${@:3}" |
		"${meter[@]}" hexz-compress | "${meter[@]}" hexz-seal -o "$2"
}
same() { hexz-cat "$1" | cmp - "$2"; }

# The tools that keep versions in a store: directory $1 is the store of tool $1.
stores=(casync restic borg)
label() { [ "$1" = borg ] && echo "borg, lz4" || echo "$1"; }

# fresh TOOL: an empty store.
fresh() {
	rm -rf "$1" "cache/$1"
	case $1 in
	casync) mkdir casync ;;
	restic) restic -q -r restic init ;;
	borg) borg init -e none borg ;;
	esac
}

# put TOOL NAME FILE: stores FILE as version NAME.
put() {
	case $1 in
	casync) "${meter[@]}" casync make --store=casync/castr "casync/$2.caibx" "$3" >/dev/null ;;
	restic) "${meter[@]}" restic -q -r restic backup --stdin --stdin-filename "$2" <"$3" ;;
	borg) "${meter[@]}" borg create -C lz4 "borg::$2" - <"$3" ;;
	esac
}

# same_as TOOL NAME FILE: what is restored of version NAME is FILE.
same_as() {
	case $1 in
	casync) casync extract --store=casync/castr "casync/$2.caibx" out && cmp out "$3" && rm out ;;
	restic) restic -q -r restic dump --path "/$2" latest "/$2" | cmp - "$3" ;;
	borg) borg extract --stdout "borg::$2" | cmp - "$3" ;;
	esac
}
