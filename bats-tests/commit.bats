# hexz-commit: the next version of an archive from what has changed.

load helper

# base IN OUT [FLAG OF hexz-chunk]...: packs the base of a test.
base() { pack "$@"; }

# commit BASE OUT ARG...: the pipeline of the next version.
commit() {
	local base=$1 out=$2
	shift 2
	hexz-commit --base "$base" --stats stats "$@" | hexz-dedup --parent "$base" | hexz-compress | hexz-seal -o "$out"
}

# as_chunked ARCHIVE FILE [FLAG OF hexz-chunk]...: the archive holds FILE, cut as hexz-chunk does.
as_chunked() {
	local archive=$1 file=$2
	shift 2
	hexz-cat "$archive" | cmp - "$file"
	pack "$file" whole.hxz "$@"
	[ "$(roots "$archive")" = "$(roots whole.hxz)" ] || fail "other chunks than those of $file"
	rm whole.hxz
}

roots() { hexz-inspect --json "$1" | jq -c '[.streams[].root]'; }

need_qemu() { command -v qemu-img qemu-io >/dev/null || skip "no qemu-img or qemu-io"; }

# The image of these tests: noise, a hole, text, zeros.
image() {
	cp "$IN/sparse" disk.img
	dd if="$IN/tree.tar" of=disk.img bs=64K count=8 seek=80 conv=notrunc status=none
	truncate -s 9000000 disk.img
}

@test "a qcow2 file with writes, zeros and discards" {
	need_qemu
	image
	base disk.img base.hxz
	for options in cluster_size=64k cluster_size=4k,compression_type=zstd cluster_size=2M extended_l2=on,cluster_size=128k; do
		rm -f over.qcow2
		qemu-img create -q -f qcow2 -o "$options" -b disk.img -F raw over.qcow2
		qemu-io -f qcow2 -c 'write -P 7 100k 300k' -c 'write -z 4M 128k' -c 'discard 64k 64k' -c 'write -P 0 5300k 9k' \
			-c 'write -P 9 8999936 64' -c 'write -z -u 1M 1M' over.qcow2 >/dev/null
		if [[ $options == cluster_size=[64]* ]]; then
			qemu-io -f qcow2 -c 'write -c -P 5 7M 64k' over.qcow2 >/dev/null
		fi
		qemu-img convert -O raw over.qcow2 want.img
		truncate -s 9000000 want.img
		commit base.hxz next.hxz --size 9000000 over.qcow2
		as_chunked next.hxz want.img
	done
	qemu-img resize -q over.qcow2 12M
	qemu-img convert -O raw over.qcow2 want.img
	commit base.hxz next.hxz over.qcow2
	as_chunked next.hxz want.img

	# A map of the same file, with the image as others see it.
	qemu-img map --output=json over.qcow2 >map.json
	commit base.hxz mapped.hxz --map map.json want.img
	as_chunked mapped.hxz want.img
	qemu-img map --output=json over.qcow2 | jq -r '.[] | select(.depth == 0) | "\(.start) \(.length)"' >map.txt
	commit base.hxz mapped.hxz --map disk=map.txt disk=want.img
	as_chunked mapped.hxz want.img
}

@test "qcow2 files that are no overlays are refused" {
	need_qemu
	image
	base disk.img base.hxz
	qemu-img create -q -f qcow2 whole.qcow2 9000000
	run -3 --separate-stderr hexz-commit --base base.hxz whole.qcow2 -o out
	[[ $stderr == *"no backing file"* ]]
	qemu-img create -q -f qcow2 -o data_file=data.raw -b disk.img -F raw ext.qcow2
	run -1 --separate-stderr hexz-commit --base base.hxz ext.qcow2 -o out
	[[ $stderr == *"another file"* ]]
	# The header's crypt_method is set by hand: qemu-img, asked for LUKS, measures the processor
	# first, and fails where its clock is too coarse for that.
	qemu-img create -q -f qcow2 -b disk.img -F raw enc.qcow2
	printf '\0\0\0\2' | dd of=enc.qcow2 bs=1 seek=32 conv=notrunc status=none
	run -1 --separate-stderr hexz-commit --base base.hxz enc.qcow2 -o out
	[[ $stderr == *"encrypted"* ]]
	qemu-img create -q -f qcow2 -b disk.img -F raw cut.qcow2
	qemu-io -f qcow2 -c 'write -P 7 100k 300k' cut.qcow2 >/dev/null
	truncate -s -100k cut.qcow2
	run -3 --separate-stderr hexz-commit --base base.hxz cut.qcow2 -o out
	[[ $stderr == *"not within the file"* ]]
	[ ! -e out ]
	# As a raw file it is another matter.
	hexz-commit --base base.hxz --format raw cut.qcow2 -o out
}

@test "a map is not for a qcow2 file, and an empty one is no map" {
	need_qemu
	image
	base disk.img base.hxz
	qemu-img create -q -f qcow2 -b disk.img -F raw over.qcow2
	qemu-io -f qcow2 -c 'write -P 7 8192 4096' over.qcow2 >io.log
	qemu-img map --output=json over.qcow2 >map
	run -1 --separate-stderr hexz-commit --base base.hxz --map map -o out over.qcow2
	[[ $stderr == *"a map is for raw images"* ]] || fail "$stderr"
	: >empty
	run -3 --separate-stderr hexz-commit --base base.hxz --map empty -o out disk.img
	[[ $stderr == *"the map is empty"* ]] || fail "$stderr"
	[ ! -e out ]
}

# chain_of_three makes top.qcow2 on mid.qcow2 on disk.img, and want.img of what a guest sees.
chain_of_three() {
	qemu-img create -q -f qcow2 -b disk.img -F raw mid.qcow2
	qemu-io -f qcow2 -c 'write -P 5 1M 64k' -c 'write -z 6M 64k' mid.qcow2 >/dev/null
	qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 10M
	qemu-io -f qcow2 -c 'write -P 6 2M 64k' top.qcow2 >/dev/null
	qemu-img convert -O raw top.qcow2 want.img
}

@test "a chain of overlays: as much of it as is newer than the base" {
	need_qemu
	image
	base disk.img base.hxz
	chain_of_three
	run -1 --separate-stderr hexz-commit --base base.hxz -o out top.qcow2
	one_error hexz-commit
	[[ $stderr == *"top.qcow2: a chain of more than two files"*"hint: --chain"* ]] || fail "$stderr"
	commit base.hxz next.hxz --chain top.qcow2
	as_chunked next.hxz want.img
	commit base.hxz next.hxz --chain=2 top.qcow2
	as_chunked next.hxz want.img

	# A base of what the middle one shows needs the first alone, and says so if it is not.
	qemu-img convert -O raw mid.qcow2 mid.img
	base mid.img mid.hxz
	commit mid.hxz next.hxz --chain=1 top.qcow2
	as_chunked next.hxz want.img
	run -1 --separate-stderr hexz-commit --base base.hxz --chain=1 -o out top.qcow2
	[[ $stderr == *"the base is not what the overlay was made to: "*"hint: "*"--chain"* ]] || fail "$stderr"
	[ ! -e out ]

	# A map of the chain says the same.
	qemu-img map --output=json top.qcow2 >map.json
	run -3 --separate-stderr hexz-commit --base base.hxz --map map.json -o out want.img
	[[ $stderr == *"its depth is 2"*"hint: --chain"* ]] || fail "$stderr"
	commit base.hxz next.hxz --chain=2 --map map.json want.img
	as_chunked next.hxz want.img
	for flag in --chain --chain=0 --chain=x --chain=; do
		run -2 --separate-stderr hexz-commit --base base.hxz "$flag" --map map.json -o out want.img
	done
	run -1 --separate-stderr hexz-commit --base base.hxz --chain -o out disk.img
	run -3 --separate-stderr hexz-commit --base base.hxz --chain=3 -o out top.qcow2
	for flag in --chain --backing-format=raw --no-base-check; do
		run -2 hexz-commit --base base.hxz "$flag" --size 5M -o out
	done
	truncate -s 9000000 sparse.img
	run -2 hexz-commit --base base.hxz --backing-format raw -o out sparse.img
	[ ! -e out ]
}

@test "--chain=N with too small an N for the base is found" {
	need_qemu
	head -c 67108864 /dev/zero >disk.img
	dd if="$IN/twice" of=disk.img bs=64K count=30 conv=notrunc status=none
	base disk.img base.hxz
	local write
	for write in 'write -P 0x11 1M 256k' 'write -z 1M 256k'; do
		qemu-img create -q -f qcow2 -b disk.img -F raw one.qcow2
		qemu-io -f qcow2 -c "$write" one.qcow2 >/dev/null
		qemu-img create -q -f qcow2 -b one.qcow2 -F qcow2 two.qcow2
		qemu-io -f qcow2 -c 'write -P 0x22 1M 64k' -c 'write -P 0x23 40M 100k' two.qcow2 >/dev/null
		qemu-img create -q -f qcow2 -b two.qcow2 -F qcow2 three.qcow2
		qemu-io -f qcow2 -c 'write -P 0x33 50M 100k' three.qcow2 >/dev/null
		qemu-img convert -O raw three.qcow2 want.img
		qemu-img map --output=json three.qcow2 >map.json
		for n in 1 2; do
			run -1 --separate-stderr hexz-commit --base base.hxz --chain=$n --map map.json -o out want.img
			[[ $stderr == *"the base is not what the overlay was made to: "*"hint: "*"--chain"* ]] || fail "$stderr"
			run -1 --separate-stderr hexz-commit --base base.hxz --chain=$n -o out three.qcow2
			[[ $stderr == *"the base is not what the overlay was made to: "* ]] || fail "$stderr"
		done
		[ ! -e out ]
		commit base.hxz next.hxz --chain=3 --map map.json want.img
		as_chunked next.hxz want.img
		rm one.qcow2 two.qcow2 three.qcow2
	done
}

@test "the base is compared with what the changes were made to" {
	need_qemu
	image
	base disk.img base.hxz
	qemu-img create -q -f qcow2 -b disk.img -F raw over.qcow2
	qemu-io -f qcow2 -c 'write -P 6 2M 64k' over.qcow2 >/dev/null
	head -c 9000000 "$IN/tree.tar" >other.img
	truncate -s 9000000 other.img
	base other.img other.hxz
	run -1 --separate-stderr hexz-commit --base other.hxz -o out over.qcow2
	one_error hexz-commit
	[[ $stderr == *"the base is not what the overlay was made to: they differ in"* ]] || fail "$stderr"
	hexz-commit --base other.hxz --no-base-check -o out over.qcow2
	rm out
	truncate -s 9000001 disk.img # within the last sector: a qcow2 file cannot tell
	hexz-commit --base base.hxz -o out over.qcow2
	truncate -s 9001000 disk.img
	run -1 --separate-stderr hexz-commit --base base.hxz -o out over.qcow2
	[[ $stderr == *"that has 9001000 bytes, the base 9000000"* ]] || fail "$stderr"

	# What cannot be read is not compared, and that is said.
	rm disk.img out
	run -0 --separate-stderr hexz-commit --base base.hxz -o out over.qcow2
	[[ $stderr == *"warning: "*"the base is not checked: backing file"*"no such file"* ]] || fail "$stderr"

	# Beside a map it is the image itself that has what is unchanged.
	echo "1000000 5000" >map
	run -1 --separate-stderr hexz-commit --base base.hxz --map map -o no other.img
	[[ $stderr == *"the base is not what the overlay was made to"* ]] || fail "$stderr"
	truncate -s 9000000 partial.img # of which only the changes were copied
	dd if=other.img of=partial.img bs=1000 skip=1000 seek=1000 count=5 conv=notrunc status=none
	hexz-commit --base base.hxz --map map partial.img | hexz-seal -o next.hxz
	[ ! -e no ]
}

@test "what is no raw image is refused as one" {
	image
	base disk.img base.hxz
	hexz-chunk disk.img >stream
	{ cat disk.img; printf 'conectix\0\0\0\2\0\1\0\0'; head -c 496 /dev/zero; } >fixed.vhd
	for magic in 'KDMV\1\0\0\0' vhdxfile 'QED\0' '<<< QEMU VM Virtual Disk Image >>>\n' conectix WithoutFreeSpace \
		'\037\213\010' '\050\265\057\375' '\3757zXZ\0' 'LUKS\272\276\0\2' base.hxz stream fixed.vhd; do
		if [ -e "$magic" ]; then
			cp "$magic" over
		else
			# shellcheck disable=SC2059 # the magic has escapes
			{ printf "$magic"; head -c 100000 "$IN/noise"; } >over
		fi
		run -3 --separate-stderr hexz-commit --base base.hxz over -o out
		one_error hexz-commit
		[[ $stderr == *"over: "*"it looks like a "*" file: not a raw image"* ]] || fail "$magic: $stderr"
		echo "0 4096" >map
		run -3 --separate-stderr hexz-commit --base base.hxz --map map over -o out
	done
	[ ! -e out ]
	hexz-commit --base base.hxz --format raw over -o out
}

@test "a qcow2 file that is not supported is not called damaged" {
	need_qemu
	image
	base disk.img base.hxz
	qemu-img create -q -f qcow2 -o data_file=data.raw data.qcow2 9000000
	local file try
	for try in {1..20}; do # qemu-img measures how much CPU time it gets, and on a busy machine it may be none
		qemu-img create -q -f qcow2 --object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=100 luks.qcow2 9000000 && break
	done
	for file in data luks; do
		run -1 --separate-stderr hexz-chunk --format qcow2 $file.qcow2 -o out
		[[ $stderr == *"$file.qcow2: not supported: the qcow2 file "* ]] || fail "$stderr"
		run -1 --separate-stderr hexz-commit --base base.hxz $file.qcow2 -o out
		[[ $stderr == *"$file.qcow2: not supported: the qcow2 file "* ]] || fail "$stderr"
	done
	[ ! -e out ]
}

@test "names of backing files are those of files, and a format is not guessed" {
	need_qemu
	image
	base disk.img base.hxz
	for name in 'json:{"driver":"null-co"}' nbd://127.0.0.1:1/x ssh://nowhere/x file:disk.img; do
		qemu-img create -q -u -f qcow2 -b "$name" -F raw over.qcow2 9000000
		run -0 --separate-stderr hexz-commit --base base.hxz over.qcow2 -o out
		[[ $stderr == *"the base is not checked: "*"a protocol, which is not followed"* ]] || fail "$stderr"
		run -1 --separate-stderr hexz-chunk --format qcow2 over.qcow2 -o none
		[[ $stderr == *"not supported: "*"a protocol, which is not followed"* ]] || fail "$stderr"
	done
	mkfifo fifo
	qemu-img create -q -u -f qcow2 -b fifo -F raw over.qcow2 9000000
	run -1 --separate-stderr timeout 10 hexz-chunk --format qcow2 over.qcow2 -o none
	[[ $stderr == *"neither a regular file nor a block device"* ]] || fail "$stderr"

	# A guest writes to its raw disk what makes it look like an overlay of a file of the host.
	printf secret >secret
	qemu-img create -q -u -f qcow2 -b "$PWD/secret" -F raw evil 9000000
	qemu-img create -q -u -f qcow2 -b evil -F raw over.qcow2 9000000
	"$PYTHON" - over.qcow2 <<-'END' # files of older programs do not tell the format
		import sys
		p = open(sys.argv[1], "rb").read()
		open(sys.argv[1], "wb").write(p.replace(b"\xe2\x79\x2a\xca", b"\x12\x34\x56\x78", 1))
	END
	run -1 --separate-stderr hexz-chunk --format qcow2 over.qcow2 -o none
	[[ $stderr == *"the format of a backing file is not given, and it begins as a qcow2 file does"*"--backing-format"* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-commit --base base.hxz over.qcow2 -o none
	[[ $stderr == *"the format of a backing file is not given"*"--backing-format"* ]] || fail "$stderr"
	hexz-chunk --format qcow2 --backing-format raw over.qcow2 | hexz-cat -o seen
	cmp -n "$(size evil)" seen evil
	[ ! -e none ]

	# Backing files are read, so they are not written over.
	qemu-img create -q -f qcow2 -b disk.img -F raw over.qcow2
	run -2 --separate-stderr hexz-commit --base base.hxz over.qcow2 -o disk.img
	[[ $stderr == *"is both input and output"* ]] || fail "$stderr"
	run -2 --separate-stderr hexz-chunk --format qcow2 over.qcow2 -o disk.img
	[[ $stderr == *"is both input and output"* ]] || fail "$stderr"
}

@test "a map of more than a million ranges" {
	"$PYTHON" -c 'for i in range(1200000): print(i * 1024, 1)' >map
	truncate -s 1228800001 disk.img
	base disk.img base.hxz
	# They are all there; what they hold does not matter here.
	run -3 --separate-stderr hexz-commit --base base.hxz --map <(cat map; echo 0 1) disk.img -o out
	[[ $stderr == *"line 1200001 of the map"* ]] || fail "$stderr"
	[ ! -e out ]
	[ "$(peak hexz-commit --base base.hxz --map map disk.img -o out)" -lt 65536 ]
}
