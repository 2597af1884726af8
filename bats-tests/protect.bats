# What a command reads, it never writes over, by whatever name.

load helper

setup_file() {
	export P=$BATS_FILE_TMPDIR/p
	mkdir "$P"
	cd "$P" || return 1
	noise 300000 1 >v0
	{ cat v0 && noise 20000 2; } >v1
	{ cat v1 && noise 20000 3; } >v2
	hexz-chunk v0 | hexz-dedup | hexz-seal -o base.hxz
	hexz-chunk v1 | hexz-dedup --parent base.hxz | hexz-seal -o thin.hxz
	hexz-chunk v1 | hexz-dedup --parent base.hxz >thin.hxs
	hexz-inspect --export-index -o base.hxi base.hxz
	hexz-keygen encrypt -q -o id.key >id.pub
	hexz-keygen sign -q --no-passphrase -o sign.key >/dev/null
	hexz-keygen chunk -q -o chunk.key
	echo secret >pass
	hexz-seal -q -R id.pub -o locked.hxz thin.hxs
	hexz-seal -q -p --passphrase-file pass -o word.hxz thin.hxs
	hexz-seal -q --sign sign.key -o signed.hxz thin.hxs
	hexz-chunk --avg 1K "$IN/records.json" | hexz-compress -b 2K --train-dict=16K >with.hxs
	"$PYTHON" -c 'import msgpack
for f in msgpack.Unpacker(open("with.hxs", "rb"), max_buffer_size=0):
    if f[0] == 4: open("dict", "wb").write(f[2])'
	printf '0 4096\n' >map
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	cp --sparse=always "$P"/* .
	set -o pipefail
}

# refuses FILE COMMAND: wrong usage, and the directory stays as it was.
refuses() {
	run -2 --separate-stderr bash -c "$2"
	[[ $stderr == *" also the output"*"hint: write to another file"* || $stderr == *"both input and output"*"hint: write to another file"* ]] ||
		fail "$2: $stderr"
	cmp "$1" "$P/$(basename "$1")" || fail "$2: $1 has changed"
	# shellcheck disable=SC2046
	only $(ls -A "$P") "${@:3}"
}

@test "a parent of the stream is not replaced, in whatever stage it would be" {
	cp base.hxz "$P/copy.hxz"
	cp base.hxz copy.hxz
	# A copy is known by its id alone: nothing has opened it.
	for out in base.hxz copy.hxz; do
		for command in "hexz-dedup thin.hxs" "hexz-dedup thin.hxz" "hexz-compress thin.hxz" "hexz-compress -d thin.hxs" "hexz-delta thin.hxs" \
			"hexz-seal thin.hxs" "hexz-seal --check-parents . thin.hxs" "hexz-seal -q -R id.pub thin.hxs" \
			"hexz-unseal thin.hxz" "hexz-unseal --flatten thin.hxz" "hexz-unseal --salvage thin.hxz" "hexz-unseal -i id.key locked.hxz" \
			"hexz-cat thin.hxz" "hexz-cat --keep-going thin.hxz" "hexz-cat --in-place thin.hxz" "hexz-cat -i id.key locked.hxz" "hexz-cat --length 1 thin.hxz" \
			"hexz-dedup --parent base.hxz /dev/fd/3 3< <(hexz-chunk v1)" "hexz-dedup --parent base.hxi /dev/fd/3 3< <(hexz-chunk v1)" \
			"hexz-dedup --parent thin.hxz /dev/fd/3 3< <(hexz-chunk v2)" \
			"hexz-commit --base base.hxz --map map v0" "hexz-commit --base thin.hxz --map map v1" "hexz-inspect --export-index thin.hxz"; do
			refuses $out "$command -o $out"
		done
		# From a pipe.
		for command in hexz-dedup hexz-compress hexz-delta hexz-seal hexz-unseal "hexz-unseal --flatten --parent base.hxz" hexz-cat "hexz-cat --keep-going" "hexz-cat --in-place"; do
			refuses $out "cat thin.hxz | $command -o $out"
		done
		refuses $out "hexz-seal --stats $out -o new.hxz thin.hxs"
		refuses $out "hexz-unseal --salvage --report $out -o new.hxs thin.hxz"
		refuses $out "hexz-cat --keep-going --report $out -o new thin.hxz"
	done
	rm "$P/copy.hxz"
}

@test "a parent is not written over in place: a descriptor, standard output, a device" {
	cp base.hxz "$P/copy.hxz"
	cp base.hxz copy.hxz
	for command in "hexz-dedup thin.hxs" "hexz-compress thin.hxz" "hexz-delta thin.hxs" "hexz-seal thin.hxs" "hexz-seal -R id.pub thin.hxs" "hexz-unseal thin.hxz" \
		"hexz-unseal --flatten thin.hxz" "hexz-unseal --salvage thin.hxz" "hexz-cat thin.hxz" "hexz-cat --keep-going thin.hxz" "hexz-cat <thin.hxz" \
		"hexz-commit --base base.hxz --map map v0"; do
		refuses copy.hxz "$command -o /dev/fd/5 5<>copy.hxz"
		refuses copy.hxz "$command 1<>copy.hxz"
		refuses copy.hxz "$command >>copy.hxz"
		refuses base.hxz "$command >>base.hxz"
	done
	rm copy.hxz "$P/copy.hxz"
	# What is no parent is written in place as ever, also if it is an archive.
	cp signed.hxz other
	hexz-seal -o /dev/fd/5 thin.hxs 5<>other
	cmp -n "$(size thin.hxz)" other thin.hxz
}

@test "a device is the parent that it holds, and the file that it is made of" {
	[ -w /dev/loop-control ] || skip "no loop devices"
	truncate -s %512 base.hxz
	dev=$(losetup -f --show base.hxz) || skip "no loop device"
	cp base.hxz want.hxz
	mknod node b "$(stat -c 0x%t "$dev")" "$(stat -c 0x%T "$dev")"
	# Only hexz-cat writes to devices at all; to the others it does not matter what is on one.
	for command in "hexz-seal -o $dev thin.hxs" "hexz-dedup -o $dev thin.hxs" "hexz-cat -o $dev --parent want.hxz thin.hxz" "hexz-cat --in-place -o $dev --parent want.hxz thin.hxz" "hexz-chunk -o node $dev" "hexz-chunk -o $dev node" \
		"hexz-cat -o node $dev" "hexz-cat -o $dev node" "hexz-cat -o $dev base.hxz" \
		"hexz-chunk -o $dev base.hxz" "hexz-cat --in-place -o $dev base.hxz" "hexz-chunk -o base.hxz $dev"; do
		run -2 --separate-stderr bash -c "$command"
		hint="write to another file"
		[[ $command == hexz-cat* || $command == *"-o base.hxz "* ]] || hint="only hexz-cat writes to devices"
		[[ $stderr == *"hint: "*"$hint"* ]] || { losetup -d "$dev"; fail "$command: $stderr"; }
		cmp "$dev" want.hxz || { losetup -d "$dev"; fail "$command wrote to the device"; }
		cmp base.hxz want.hxz || { losetup -d "$dev"; fail "$command wrote to the file"; }
	done
	losetup -d "$dev"
}

@test "a disk is its partitions" {
	[ -w /dev/loop-control ] || skip "no loop devices"
	# One, from 64 KiB on.
	"$PYTHON" -c 'import struct
entry = struct.pack("<B3sB3sII", 0, b"\0\0\0", 131, b"\0\0\0", 128, 128)
open("disk", "wb").write(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes(199*512))'
	dev=$(losetup -P -f --show disk) || skip "no loop device"
	part=$(cat "/sys/class/block/${dev#/dev/}p1/dev") || { losetup -d "$dev"; skip "no partitions on loop devices"; }
	mknod part b "${part%:*}" "${part#*:}"
	for command in "hexz-cat -o $dev part" "hexz-cat -o part $dev" "hexz-cat -o part disk"; do
		run -2 --separate-stderr bash -c "$command"
		[[ $stderr == *"hint: write to another file"* ]] || { losetup -d "$dev"; fail "$command: $stderr"; }
	done
	losetup -d "$dev"
}

@test "other files that are read are not replaced" {
	noise 1000 9 >f
	cp f "$P/f"
	mkdir indexes
	ln base.hxi indexes
	word="--passphrase-file pass"
	for out in -o --stats; do
		refuses dict "hexz-compress --dict dict thin.hxs $out dict" indexes
		refuses chunk.key "hexz-chunk --chunk-key-file chunk.key f $out chunk.key" indexes
		refuses base.hxz "hexz-chunk --like base.hxz f $out base.hxz" indexes
		refuses base.hxi "hexz-chunk --like base.hxi f $out base.hxi" indexes
		refuses base.hxi "hexz-chunk f | hexz-dedup --parent base.hxi $out base.hxi" indexes
		refuses id.key "hexz-unseal -i id.key locked.hxz $out id.key" indexes
		refuses pass "hexz-unseal $word word.hxz $out pass" indexes
		refuses sign.key.pub "hexz-unseal --signed-by sign.key.pub signed.hxz $out sign.key.pub" indexes
		refuses id.pub "hexz-seal -R id.pub thin.hxs $out id.pub" indexes
		refuses pass "hexz-seal -p $word thin.hxs $out pass" indexes
		refuses pass "hexz-seal -p --passphrase-fd 5 thin.hxs $out pass 5<pass" indexes
		refuses pass "hexz-unseal --passphrase-fd 5 word.hxz $out pass 5<pass" indexes
		refuses sign.key "hexz-seal --sign sign.key thin.hxs $out sign.key" indexes
		refuses map "hexz-commit --base base.hxz --map map v0 $out map" indexes
		refuses base.hxz "hexz-commit --base base.hxz --map map v0 $out base.hxz" indexes
		refuses v1 "hexz-commit --base base.hxz --replace more=v1 --map map v0 $out v1" indexes
		refuses v0 "hexz-chunk f more=v0 $out v0" indexes
		refuses v0 "hexz-chunk --exec $out v0 -- cat <v0" indexes
		refuses base.hxi "hexz-seal --check-parents indexes thin.hxs $out base.hxi" indexes
	done
	for command in "hexz-cat --keep-going" "hexz-unseal --salvage"; do
		for out in -o --report; do
			refuses id.key "$command -i id.key locked.hxz $out id.key" indexes
			refuses pass "$command $word word.hxz $out pass" indexes
			refuses locked.hxz "$command -i id.key locked.hxz $out locked.hxz" indexes
		done
	done
	refuses signed.hxz "ln signed.hxz s.txt; hexz-inspect --export-signed s signed.hxz" s.txt indexes
	# Text, too.
	refuses base.hxz "hexz-diff base.hxz thin.hxz >>base.hxz" s.txt indexes
	refuses thin.hxz "hexz-diff base.hxz thin.hxz 1<>thin.hxz" s.txt indexes
	refuses thin.hxz "hexz-inspect thin.hxz >>thin.hxz" s.txt indexes
	refuses base.hxz "hexz-inspect --chain thin.hxz >>base.hxz" s.txt indexes
	rm "$P/f"
}

@test "a file is the same by another name" {
	ln id.key hard
	ln -s id.key soft
	ln -s ../work dir
	for out in hard soft ./id.key "$PWD/id.key" dir/id.key dir/soft; do
		refuses id.key "hexz-cat -i id.key locked.hxz -o $out" hard soft dir
		refuses id.key "hexz-cat -i $out locked.hxz -o id.key" hard soft dir
		refuses id.key "hexz-cat -i <(cat id.key) -i /dev/fd/7 locked.hxz -o $out 7<id.key" hard soft dir
	done
	refuses id.key "hexz-cat -i id.key locked.hxz -o /dev/fd/7 7>>id.key" hard soft dir
	refuses id.key "hexz-cat -i id.key locked.hxz >>id.key" hard soft dir
	touch bound
	mount --bind id.key bound 2>/dev/null || skip "cannot mount: needs root"
	codes=
	for command in "hexz-cat -i id.key locked.hxz 1<>bound" "hexz-cat -i id.key locked.hxz >>bound" "hexz-cat -i id.key locked.hxz -o /dev/fd/7 7<>bound" \
		"hexz-cat -i bound locked.hxz 1<>id.key" "hexz-cat -i id.key -o bound locked.hxz"; do
		run bash -c "$command"
		codes+=" $status"
	done
	umount bound
	[ "$codes" = " 2 2 2 2 1" ] || fail "exit codes:$codes" # nothing can be renamed to a mount point
	cmp id.key "$P/id.key"
}

@test "keys are not replaced by hexz-keygen, nor signed by hexz-sign" {
	run -1 hexz-keygen sign --passphrase-file pass -o pass
	run -1 hexz-keygen encrypt -o id.key
	ln pass pw.pub
	run -1 hexz-keygen sign --passphrase-file pass -o pw
	cmp pass "$P/pass"
	run ! hexz-sign -k sign.key sign.key
	refuses sign.key "hexz-sign -k sign.key signed.hxz sign.key" pw.pub
}
