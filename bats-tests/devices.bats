# Block devices: what is empty, too small or in use is said before anything is written.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	"$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(6).randbytes(3000000))' >noise
	hexz-chunk noise >noise.hxs
	hexz-seal -o a.hxz noise.hxs
	export W=$BATS_FILE_TMPDIR
}

teardown() {
	# What a test that failed has left.
	! mountpoint -q mnt || umount mnt
	[ -z "${loop-}" ] || losetup -d "$loop" 2>/dev/null || true
}

# loop_device BYTES makes a device of that size, with random bytes in it; before has them, too.
loop_device() {
	head -c "$1" /dev/urandom >backing
	cp backing before
	loop=$(losetup --show -f backing 2>/dev/null) || skip "no loop devices: needs root"
}

# untouched: the device has what it had.
untouched() {
	sync "$loop"
	cmp backing before || fail "$loop was written to"
}

@test "an empty device is no content" {
	loop_device 4096
	losetup -d "$loop" # not connected any more
	[ "$(blockdev --getsize64 "$loop" 2>/dev/null)" = 0 ] || skip "the device is gone, or taken by another"
	run -1 --separate-stderr hexz-chunk "$loop"
	[[ $stderr == *"$loop is empty"* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-chunk <"$loop"
	[[ $stderr == *" is empty"* ]] || fail "$stderr"
	for flag in "" --in-place; do
		run -1 --separate-stderr hexz-cat $flag -o "$loop" "$W/a.hxz"
		[[ $stderr == "hexz-cat: $loop is empty"* ]] || fail "$stderr"
	done
	loop=
}

@test "a device that is too small, for an archive or a stream" {
	loop_device 1048576
	for flag in "" --in-place; do
		for input in a.hxz noise.hxs; do
			run -1 --separate-stderr hexz-cat $flag -o "$loop" "$W/$input"
			[[ $stderr == "hexz-cat: $loop: the device is too small: it takes 1048576 bytes, and 3000000 are to be written" ]] || fail "$stderr"
			run -1 --separate-stderr bash -c "cat $W/$input | hexz-cat $flag -o $loop"
			untouched
		done
	done
	run -1 --separate-stderr bash -c "hexz-cat $W/a.hxz >$loop"
	untouched
	# A part that fits is written.
	hexz-cat --offset 1M --length 1M -o "$loop" "$W/a.hxz"
	sync "$loop"
	cmp -i 0:1048576 backing "$W/noise" -n 1048576
}

@test "a device that is mounted, or in use otherwise" {
	loop_device 8388608
	mkfs.ext4 -q -F "$loop" 2>/dev/null || skip "no mkfs.ext4"
	mkdir mnt
	mount -r "$loop" mnt 2>/dev/null || skip "cannot mount here"
	sync "$loop"
	cp backing before
	for how in "-o $loop $W/a.hxz" "--in-place -o $loop $W/a.hxz" "-o $loop $W/noise.hxs"; do
		run -1 --separate-stderr hexz-cat $how
		[[ $stderr == "hexz-cat: $loop is in use: "* ]] || fail "$stderr"
	done
	run -1 --separate-stderr bash -c "hexz-cat $W/a.hxz >$loop"
	untouched
	# It can be read.
	hexz-chunk "$loop" | hexz-cat >/dev/null
	umount mnt
	hexz-cat -o "$loop" "$W/a.hxz"
}

@test "a file that is the disk of a loop device" {
	loop_device 4194304
	ln backing hard
	for file in backing hard; do
		for flag in "" --in-place; do
			run -1 --separate-stderr hexz-cat $flag -o $file "$W/a.hxz"
			[[ $stderr == "hexz-cat: $file is in use: it is the disk of $loop"*"hint: "*"losetup -d $loop"* ]] || fail "$stderr"
		done
		run -1 --separate-stderr bash -c "hexz-cat $W/a.hxz 1<>$file"
		[ "$(stat -c %h backing)" = 2 ]
		untouched
	done
	losetup -d "$loop"
	hexz-cat --in-place -o backing "$W/a.hxz"
	cmp backing "$W/noise"
}

@test "a file that qemu has open" {
	command -v qemu-io >/dev/null || skip "no qemu-io"
	head -c 4194304 /dev/urandom >disk
	cp disk before
	mkfifo commands
	qemu-io -f raw -t none disk <commands >out 3>&- &
	qemu=$!
	exec 8>commands
	until grep -q "OFDLCK.*:$(stat -c %i disk) 100 101" /proc/locks; do
		kill -0 $qemu || { exec 8>&-; skip "no locks: $(cat out)"; }
		sleep 0.01
	done
	code=
	for flag in "" --in-place; do
		run --separate-stderr hexz-cat $flag -o disk "$W/a.hxz" 8>&-
		code+=$status
		[[ $stderr == "hexz-cat: disk is in use: another process has locked it"*"hint: "* ]] || code+=": $stderr"
	done
	exec 8>&-
	wait $qemu
	[ "$code" = 11 ] || fail "$code"
	cmp disk before
	hexz-cat --in-place -o disk "$W/a.hxz"
	cmp disk "$W/noise"
}

@test "archives and streams are not written to a device, where they could not be read back" {
	loop_device 4194304
	for stage in "hexz-seal $W/noise.hxs" "hexz-unseal $W/a.hxz" "hexz-chunk $W/noise" "hexz-compress $W/noise.hxs"; do
		run -2 --separate-stderr $stage -o "$loop"
		[[ $stderr == "${stage%% *}: $loop is a device"* ]] || fail "$stderr"
		run -2 --separate-stderr bash -c "$stage >$loop"
		run -2 --separate-stderr hexz-chunk --stats "$loop" -o out "$W/noise"
		untouched
	done
}

@test "standard input of which a part was read: the rest, with its size and its holes" {
	loop_device 4194304
	{ dd bs=1M count=1 of=/dev/null status=none; hexz-chunk; } <"$loop" >rest.hxs
	hexz-cat rest.hxs | cmp -i 0:1048576 - backing
	hexz-inspect --json rest.hxs | grep -q 3145728 || fail "not the size of the rest"
	truncate -s 64M sparse
	noise 100000 x | dd of=sparse bs=1M seek=40 conv=notrunc status=none
	{ dd bs=1000 count=3 of=/dev/null status=none; hexz-chunk --stats stats; } <sparse | hexz-cat -o rest
	cmp -i 3000:0 sparse rest
	[ "$(allocated rest)" -lt 1000000 ] || fail "no holes"
}
