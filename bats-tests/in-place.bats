# hexz-cat --in-place writes what differs, and nothing else.

load helper

@test "a new file, and one that was full of other bytes, become what was packed" {
	pack "$IN/sparse" a.hxz
	hexz-cat --in-place -o new a.hxz
	cmp new "$IN/sparse"
	head -c "$(size "$IN/sparse")" /dev/urandom >noise
	hexz-cat --in-place -o noise - <a.hxz
	cmp noise "$IN/sparse"
	# Holes are holes again, not zeros.
	[ "$(stat -c %b noise)" -lt $(($(size "$IN/sparse") / 512)) ]
}

@test "a block device keeps what it has behind the content" {
	[ -w /dev/loop-control ] || skip "no loop devices"
	pack "$IN/tree.tar" a.hxz
	n=$(size "$IN/tree.tar")
	head -c $((n + 65536)) /dev/urandom >backing
	truncate -s %4096 backing
	cp backing before
	dev=$(losetup -f --show backing) || skip "no loop device"
	run hexz-cat --in-place -o "$dev" a.hxz
	code=$status
	sync "$dev"
	losetup -d "$dev"
	[ "$code" -eq 0 ] || fail "$output"
	cmp -n "$n" backing "$IN/tree.tar"
	cmp -i "$n" backing before
}

@test "old content that cannot be read is written" {
	strace -f -qq -o trace true 2>/dev/null || skip "strace is missing, or not allowed here"
	pack "$IN/noise" a.hxz
	cp "$IN/noise" disk
	printf X | dd of=disk bs=1 seek=5000 conv=notrunc status=none
	run -0 strace -f -qq -o trace -P "$PWD/disk" -e inject=pread64:error=EIO hexz-cat --in-place -o disk a.hxz
	[[ $output == *"could not be read, and were written"* ]] || fail "$output"
	cmp disk "$IN/noise"
}
