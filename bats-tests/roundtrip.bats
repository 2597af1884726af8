# What was packed comes back, byte by byte and hole by hole.

load helper

# restores IN: packed with every codec, with and without dedup, IN comes back. The chunker and
# its parameters are in the array chunk.
restores() {
	local codec dedup
	for codec in none zstd lz4 s2; do
		for dedup in cat hexz-dedup; do
			hexz-chunk "${chunk[@]}" "$1" | $dedup | hexz-compress -c $codec | hexz-seal -o a.hxz
			hexz-verify a.hxz
			hexz-cat a.hxz >out
			cmp "$1" out || fail "$codec, $dedup: another content on stdout"
			hexz-cat -o file a.hxz
			cmp "$1" file || fail "$codec, $dedup: another content in -o"
			hexz-cat <a.hxz | cmp - "$1" || fail "$codec, $dedup: another content from stdin"
			cat a.hxz | hexz-cat | cmp - "$1" || fail "$codec, $dedup: another content from a pipe"
		done
	done
}

@test "fastcdc: an empty file"          { chunk=(); restores "$IN/empty"; }
@test "fastcdc: one byte"               { chunk=(); restores "$IN/one"; }
@test "fastcdc: text"                   { chunk=(); restores "$IN/tree.tar"; }
@test "fastcdc: holes and zeros"        { chunk=(); restores "$IN/sparse"; }
@test "fastcdc: noise"                  { chunk=(); restores "$IN/noise"; }
@test "fastcdc: repetitions"            { chunk=(); restores "$IN/twice"; }
@test "fastcdc: small chunks"           { chunk=(--avg 1K); restores "$IN/twice"; }
@test "fastcdc: min, avg and max"       { chunk=(--min 10K --avg 64K --max 1M); restores "$IN/tree.tar"; }
@test "fixed: an empty file"            { chunk=(--chunker fixed); restores "$IN/empty"; }
@test "fixed: one byte"                 { chunk=(--chunker fixed); restores "$IN/one"; }
@test "fixed: text"                     { chunk=(--chunker fixed); restores "$IN/tree.tar"; }
@test "fixed: holes and zeros"          { chunk=(--chunker fixed --size 4K); restores "$IN/sparse"; }
@test "fixed: noise"                    { chunk=(--chunker fixed --size 1000); restores "$IN/noise"; }

@test "sizes around the bounds of chunks, segments and zero runs" {
	local n
	for n in 4095 4096 4097 16384 65535 65536 65537 262143 262144 262145; do
		head -c $n "$IN/noise" >in
		pack in a.hxz
		hexz-cat a.hxz | cmp - in || fail "$n bytes of noise"
		head -c $n /dev/zero >in
		pack in a.hxz
		hexz-cat a.hxz | cmp - in || fail "$n zero bytes"
		{ cat in; printf x; cat in; } >between
		pack between a.hxz
		hexz-cat a.hxz | cmp - between || fail "a byte between $n zero bytes"
	done
}

@test "a pipe and a file give the same content, and the pipe has zeros for holes" {
	hexz-chunk <"$IN/sparse" | hexz-seal -o file.hxz
	cat "$IN/sparse" | hexz-chunk | hexz-seal -o pipe.hxz
	hexz-cat file.hxz | cmp - "$IN/sparse"
	hexz-cat pipe.hxz | cmp - "$IN/sparse"
	[ "$(hexz-inspect --json pipe.hxz | jq .hole.n)" -eq 0 ]
	[ "$(hexz-inspect --json file.hxz | jq .hole.n)" -gt 0 ]
}

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
		[ "$(stat -c %b $out)" -eq "$(stat -c %b "$IN/sparse")" ] || fail "$out takes $(allocated $out) bytes"
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
	[ "$(stat -c %b out)" -eq "$(stat -c %b in)" ]
}

@test "a file system image with holes, mountable as before" {
	mkdir root
	cp "$IN/tree.tar" root/
	mkfs.ext4 -q -d root image 64M
	pack image a.hxz
	hexz-cat -o out a.hxz
	cmp image out
	[ "$(allocated out)" -le "$(allocated image)" ]
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
