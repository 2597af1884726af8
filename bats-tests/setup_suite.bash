# Runs once, before all tests: builds the binaries and makes inputs that many tests share.

setup_suite() {
	local repo=$BATS_TEST_DIRNAME/..
	[ -e "$repo/go.mod" ] || repo=$PWD

	export BIN=$BATS_SUITE_TMPDIR/bin IN=$BATS_SUITE_TMPDIR/in
	mkdir -p "$BIN" "$IN"
	(cd "$repo" && CGO_ENABLED=0 go build -trimpath -o "$BIN/" ./cmd/hexz-*) || return 1
	export PATH=$BIN:$PATH:/usr/sbin:/sbin
	export LC_ALL=C.UTF-8

	# The first python3 in PATH need not be the one that Debian's packages are for.
	for PYTHON in python3 /usr/bin/python3; do
		"$PYTHON" -c 'import msgpack' 2>/dev/null && break
	done
	export PYTHON

	make_inputs "$repo" || return 1
}

# noise BYTES SEED prints bytes without any pattern, the same ones for the same seed.
noise() {
	"$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(sys.argv[2]).randbytes(int(sys.argv[1])))' "$@"
}

make_inputs() {
	: >"$IN/empty"
	printf x >"$IN/one"
	noise 1048583 noise >"$IN/noise"

	# Half of it is a repetition, but for its first bytes, so that chunks do not align.
	{ cat "$IN/noise"; printf shift; cat "$IN/noise"; } >"$IN/twice"

	# Text: the sources, as a tar that depends on nothing but them.
	cp -r "$1/cmd" "$1/pkg" "$BATS_SUITE_TMPDIR/" || return 1
	tar -C "$BATS_SUITE_TMPDIR" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$IN/tree.tar" cmd pkg || return 1

	# Data, a hole, data, zeros on disk, data, and a hole at the end.
	truncate -s 8M "$IN/sparse"
	dd if="$IN/noise" of="$IN/sparse" bs=64K count=4 conv=notrunc status=none
	dd if="$IN/noise" of="$IN/sparse" bs=64K count=2 seek=40 conv=notrunc status=none
	dd if=/dev/zero of="$IN/sparse" bs=64K count=16 seek=48 conv=notrunc status=none
	dd if="$IN/noise" of="$IN/sparse" bs=64K count=1 skip=9 seek=64 conv=notrunc status=none

	# Small records that are alike.
	"$PYTHON" - >"$IN/records.json" <<-'END'
		import random
		r = random.Random(1)
		for n in range(20000):
		    print('{"id": %d, "name": "user%d", "mail": "user%d@example.org", "groups": ["staff", "%s"], "quota": %d}'
		          % (n, n, n, r.choice(["audio", "video", "games"]), r.randrange(1 << 30)))
	END
}
