# A pipeline that is split over ssh gives the same archive as a local one.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	start_sshd
}

teardown_file() { stop_sshd; }

@test "split behind hexz-chunk" {
	pack "$IN/twice" want.hxz
	there 'hexz-chunk "'"$IN"'/twice"' | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	cmp a.hxz want.hxz
}

@test "split behind hexz-dedup" {
	pack "$IN/twice" want.hxz
	hexz-chunk "$IN/twice" | hexz-dedup | there 'hexz-compress | hexz-seal' >a.hxz
	cmp a.hxz want.hxz
}

@test "split behind hexz-compress" {
	pack "$IN/sparse" want.hxz
	there "hexz-chunk $IN/sparse | hexz-dedup | hexz-compress" | hexz-seal -o a.hxz
	cmp a.hxz want.hxz
	hexz-chunk "$IN/sparse" | hexz-dedup | hexz-compress | there 'hexz-seal -o b.hxz'
	cmp b.hxz want.hxz
}

@test "split at all three joints" {
	pack "$IN/tree.tar" want.hxz
	hexz-chunk "$IN/tree.tar" | there hexz-dedup | hexz-compress | there hexz-seal >a.hxz
	cmp a.hxz want.hxz
}

@test "restored over there, and from there" {
	pack "$IN/sparse" a.hxz
	there 'cat a.hxz' | hexz-cat -o here
	cmp here "$IN/sparse"
	there 'hexz-cat -o other' <a.hxz
	cmp other "$IN/sparse"
	there 'cat a.hxz' | hexz-cat --offset 2500K --length 512 | cmp - <(dd if="$IN/sparse" bs=512 skip=5000 count=1 status=none)
}

@test "a failure over there is a failure here" {
	run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; hexz-chunk --exec -- false" | hexz-dedup | hexz-seal -o a.hxz'
	[[ $stderr == *"upstream hexz-chunk failed"* ]]
	# The connection ends, or the binary is missing.
	for command in 'head -c 500000 /dev/zero | hexz-chunk | head -c 100' 'kill -9 $PPID' no-such-binary; do
		run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; $1" 2>/dev/null | hexz-dedup | hexz-seal -o a.hxz' - "$command"
		[[ $stderr == *"hexz-seal: "* ]]
	done
	only
}
