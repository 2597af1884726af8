# Shared by all test files. Inputs ($IN), PATH and $PYTHON come from setup_suite.bash.

bats_require_minimum_version 1.5.0

# Each test runs in an empty directory of its own. Exit codes of all stages count in the tests
# themselves; where a user's shell without pipefail is meant, they start one by bash -c.
setup() {
	# bats keeps files of its own in the directory above.
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	set -o pipefail
}

# fail TEXT... ends the test.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# pack IN OUT [FLAG OF hexz-chunk]...: the default pipeline.
pack() {
	local in=$1 out=$2
	shift 2
	hexz-chunk "$@" "$in" | hexz-dedup | hexz-compress | hexz-seal -o "$out"
}

# noise BYTES SEED prints bytes without any pattern, the same ones for the same seed.
noise() {
	"$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(sys.argv[2]).randbytes(int(sys.argv[1])))' "$@"
}

size() { stat -c %s "$1"; }

# allocated FILE prints the bytes that it takes on disk.
allocated() { echo $(($(stat -c '%b * %B' "$1"))); }

# only FILE...: the current directory holds these and nothing else, no temporary file either.
only() {
	local have want
	have=$(ls -A)
	want=$(printf '%s\n' "$@" | sort)
	[ "$have" = "$want" ] || fail "directory holds $have; wanted: $want"
}

# one_error NAME: $stderr is one line of NAME, and perhaps one with a hint.
one_error() {
	[[ ${stderr_lines[0]} == "$1: "* ]] || fail "not an error of $1: $stderr"
	[[ ${#stderr_lines[@]} -eq 1 || ${#stderr_lines[@]} -eq 2 && ${stderr_lines[1]} == "hint: "* ]] ||
		fail "more than an error and a hint: $stderr"
}

# unsound FILE...: hexz-verify says that each is damaged or no archive.
unsound() {
	local file
	for file; do
		run -3 --separate-stderr hexz-verify "$file"
		[ -z "$output" ] || fail "output: $output"
		[[ $stderr == "hexz-verify: $file: "* ]] || fail "message: $stderr"
	done
}

# flip FILE OFFSET BITS: flips the bits of a byte that are set in BITS.
flip() {
	local byte
	byte=$(xxd -s "$2" -l 1 -p "$1")
	printf '%02x' $((0x$byte ^ $3)) | xxd -r -p | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# poke FILE OFFSET: flips all bits of a byte.
poke() { flip "$1" "$2" 255; }
