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

# with_modules MODULE... sets PY to a Python that has them, or skips the test.
with_modules() {
	for PY in "$PYTHON" python3 /usr/bin/python3 "${XDG_CACHE_HOME:-$HOME/.cache}/hexz-tests/bin/python"; do
		! "$PY" -c "import $(IFS=, && echo "$*")" 2>/dev/null || return 0
	done
	skip "no python3 with the modules $* (scripts/install-test-needs)"
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

# same_space A B: both files take the same space, but for a block in which ext4 notes the extents of a
# file that lies scattered.
same_space() {
	local more=$(($(allocated "$1") - $(allocated "$2")))
	[ "${more#-}" -le 8192 ] || fail "$1 takes $(allocated "$1") bytes, $2 $(allocated "$2")"
}

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

# on_terminal SCRIPT [ANSWER]...: runs a script of bash, with a terminal of its own that is none
# of its standard streams but stderr, and types an ANSWER at each prompt, that is when echo is
# off; ^C is Ctrl-C, ^D is Ctrl-D. It prints what the terminal shows, and exits as the script does. "echo is
# off" is printed if the terminal is left so.
on_terminal() { "$PYTHON" "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

# start_sshd starts a server of our own on the loopback interface, with keys and a port of its
# own, in the current directory. stop_sshd ends it.
# shellcheck disable=SC2033 # the host has the name of a function
start_sshd() {
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f user
	cp user.pub authorized
	mkdir -p /run/sshd 2>/dev/null || true # which sshd wants if root starts it

	local port _
	for _ in {1..20}; do
		port=$((20000 + RANDOM % 20000))
		cat >sshd_config <<-END
			ListenAddress 127.0.0.1:$port
			HostKey $PWD/host
			AuthorizedKeysFile $PWD/authorized
			PidFile none
			StrictModes no
			UsePAM no
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PermitRootLogin yes
		END
		# sshd must be started by its full path. Descriptor 3 is the one that bats waits for.
		"$(command -v sshd)" -D -e -f sshd_config >sshd.log 2>&1 3>&- &
		SSHD=$!
		cat >ssh_config <<-END
			Host there
			HostName 127.0.0.1
			Port $port
			User $(id -un)
			IdentityFile $PWD/user
			IdentitiesOnly yes
			IdentityAgent none
			StrictHostKeyChecking no
			UserKnownHostsFile /dev/null
			BatchMode yes
			LogLevel ERROR
		END
		export SSHD SSH_CONFIG=$PWD/ssh_config
		for _ in {1..20}; do
			kill -0 $SSHD 2>/dev/null || break # the port is taken
			! ssh -F ssh_config there true </dev/null 2>ssh.err || return 0
			sleep 0.1
		done
		kill $SSHD 2>/dev/null || true
	done
	cat sshd.log ssh.err >&2
	return 1
}

stop_sshd() { kill "$SSHD"; }

# there COMMAND: runs it on the other host, with our binaries in PATH.
# shellcheck disable=SC2032,SC2033
there() {
	ssh -F "$SSH_CONFIG" there "PATH=$PATH; cd $PWD; $1"
}

# peak COMMAND [ARG]... runs it and prints its most memory, in KiB.
peak() {
	"$PYTHON" - "$@" <<-'END'
		import resource, subprocess, sys
		subprocess.run(sys.argv[1:], check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
}
