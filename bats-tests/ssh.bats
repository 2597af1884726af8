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

@test "encrypted versions need no private key over there" {
	cp "$IN/noise" disk.img
	cp disk.img v1
	noise 5000 change | dd of=v1 bs=1 seek=100000 conv=notrunc status=none
	mkdir there
	hexz-keygen encrypt -q -o me.key >me.pub
	# As the README has it, but for the names of the host and its disk.
	sed -n '/^The same with encrypted archives/,/^What has changed/s/^    //p' "$BATS_TEST_DIRNAME/../README.md" |
		sed "s|ssh host '|ssh -F $SSH_CONFIG there 'PATH=$PATH; cd $PWD/there; |; s|vm\.img|$PWD/v1|" >readme.sh
	[ "$(grep -c 'cd .*/there' readme.sh)" -eq 2 ]
	bash -e -o pipefail readme.sh
	cmp today.img v1
	[ "$(size today.hxz)" -lt $(($(size base.hxz) / 5)) ]
	[ "$(hexz-inspect --json -i me.key today.hxz | jq -r '.parents[0].id')" = "$(hexz-inspect --json base.hxz | jq -r .id)" ]
	run -1 hexz-inspect --export-index --open base.hxz
	# Sealed over there, too, for the public key.
	there 'hexz-chunk --like there/base.hxi v1 | hexz-dedup --parent there/base.hxi | hexz-compress | hexz-seal -R me.pub -o there/next.hxz'
	hexz-cat -i me.key --parent base.hxz there/next.hxz | cmp - v1
	# The index shows no content, but what it is said to show. It stands in no place of the archive.
	[ "$(strings there/base.hxi | grep -c fastcdc)" -gt 0 ]
	run -3 hexz-cat there/base.hxi
	run -2 hexz-inspect --open base.hxz
	# Of a plain archive it is as good as the other.
	pack disk.img plain.hxz
	hexz-inspect --export-index --open -o plain.hxi plain.hxz
	hexz-chunk v1 | hexz-dedup --parent plain.hxi | hexz-seal -o thin.hxz --check-parents .
	hexz-cat thin.hxz | cmp - v1
}

@test "a failure over there is a failure here" {
	run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; hexz-chunk --exec -- false" | hexz-dedup | hexz-seal -o a.hxz'
	[[ $stderr == *"upstream hexz-chunk failed"* ]]
	# The connection ends, or the binary is missing.
	for command in 'head -c 500000 /dev/zero | hexz-chunk | head -c 100' 'kill -9 $PPID' no-such-binary; do
		run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; $1" 2>/dev/null | hexz-dedup | hexz-seal -v -o a.hxz' - "$command"
		[[ $stderr == "hexz-dedup: "*"hexz-seal: upstream hexz-dedup failed: "* ]] || fail "$command: $stderr"
	done
	only
}
