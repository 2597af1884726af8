# What was packed comes back, byte by byte and hole by hole.

load helper

@test "only the rest of standard input is packed, if a part was read before" {
	{ dd bs=1000 count=3 status=none of=/dev/null; hexz-chunk; } <"$IN/tree.tar" | hexz-seal -o a.hxz
	hexz-cat a.hxz | cmp - <(tail -c +3001 "$IN/tree.tar")
}

@test "a file that is said to be empty, as those in /proc are" {
	hexz-chunk /proc/version | hexz-seal -o a.hxz
	hexz-cat a.hxz | cmp - /proc/version
	hexz-chunk </proc/version | hexz-cat | cmp - /proc/version
}

@test "holes stay holes, and zeros stay allocated" {
	[ "$(allocated "$IN/sparse")" -lt "$(size "$IN/sparse")" ] || skip "no sparse files here"
	pack "$IN/sparse" a.hxz
	hexz-cat -o file a.hxz
	hexz-cat a.hxz >redirected
	cat a.hxz | hexz-cat -o piped
	for out in file redirected piped; do
		cmp "$IN/sparse" $out
		same_space $out "$IN/sparse"
	done
	# A pipe gets every byte.
	[ "$(hexz-cat a.hxz | wc -c)" -eq "$(size "$IN/sparse")" ]
}

@test "an appended output gets all bytes, and keeps what it had" {
	pack "$IN/sparse" a.hxz
	printf before >out
	hexz-cat a.hxz >>out
	{ printf before; cat "$IN/sparse"; } | cmp - out
}

@test "an output that is already longer is overwritten in its place only by a redirection" {
	pack "$IN/sparse" a.hxz
	noise 9000000 old >out
	cp out want
	dd if="$IN/sparse" of=want conv=notrunc status=none
	# Not at its end: zeros have to be written over what is there.
	hexz-cat a.hxz 1<>out
	cmp want out
}

@test "3 GiB of nothing is a tiny archive, and comes back as nothing" {
	truncate -s 3G nothing
	pack nothing a.hxz
	[ "$(size a.hxz)" -lt 2000 ]
	[ "$(hexz-inspect --json a.hxz | jq -c '[.bytes, .hole.bytes, .data.n]')" = "[3221225472,3221225472,0]" ]
	hexz-verify a.hxz
	hexz-cat -o out a.hxz
	[ "$(size out)" -eq 3221225472 ]
	[ "$(allocated out)" -lt 100000 ]
}

@test "512 MiB of zeros from a pipe, and a byte after a hole of 900 MiB" {
	head -c 512M /dev/zero | hexz-chunk | hexz-seal -o zeros.hxz
	[ "$(size zeros.hxz)" -lt 3000 ]
	[ "$(hexz-inspect --json zeros.hxz | jq -c '[.bytes, .zero.bytes, .data.n]')" = "[536870912,536870912,0]" ]

	truncate -s 1G in
	printf x | dd of=in bs=1 seek=900M conv=notrunc status=none
	pack in byte.hxz
	hexz-cat --offset 900M --length 2 byte.hxz | cmp - <(printf 'x\0')
	hexz-cat -o out byte.hxz
	[ "$(size out)" -eq "$(size in)" ]
	same_space out in
}

@test "a file system image with holes, mountable as before" {
	mkdir root
	cp "$IN/tree.tar" root/
	mkfs.ext4 -q -d root image 64M
	pack image a.hxz
	hexz-cat -o out a.hxz
	cmp image out
	[ "$(allocated out)" -le $(($(allocated image) + 8192)) ]
	fsck.ext4 -n -f out >/dev/null 2>&1
}

@test "a block device is read to its end and written in full" {
	cp "$IN/sparse" backing
	loop=$(losetup -f --show backing 2>/dev/null) || skip "no loop devices here"
	pack "$loop" a.hxz
	hexz-cat a.hxz | cmp - "$IN/sparse"
	# Holes have to be written over what the device has.
	noise "$(size backing)" old | dd of="$loop" bs=1M iflag=fullblock status=none
	hexz-cat -o "$loop" a.hxz
	sync "$loop"
	cmp backing "$IN/sparse"
}

teardown() {
	[ -z "${loop-}" ] || losetup -d "$loop"
}
