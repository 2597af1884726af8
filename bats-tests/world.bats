# Faults of the world: disks that fail or are full, readers that stop, signals, limits of the
# system. What is left is the old file or the whole new one, and the exit code is not 0 if it is
# not the new one. See failures.bats for the faults of neighbours in a pipe.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	# More than pipes hold.
	"$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(3).randbytes(3000000))' >noise
	hexz-chunk noise >chunks.hxs
	hexz-dedup chunks.hxs | hexz-compress >packed.hxs
	hexz-seal -o a.hxz packed.hxs
	hexz-seal -o b.hxz chunks.hxs
	hexz-keygen sign --no-passphrase -q -o key >/dev/null
	export W=$BATS_FILE_TMPDIR
}

teardown() {
	# What a test that failed has left.
	! mountpoint -q disk || umount disk
	[ -z "${loop-}" ] || losetup -d "$loop" 2>/dev/null || true
	! mountpoint -q full || umount full
}

# Stages that write a file, each with its input behind.
writers() {
	cat <<-END
		hexz-chunk $W/noise
		hexz-dedup $W/chunks.hxs
		hexz-compress $W/chunks.hxs
		hexz-compress -d $W/packed.hxs
		hexz-seal $W/packed.hxs
		hexz-unseal $W/a.hxz
		hexz-cat $W/a.hxz
	END
}

# injecting FAULT COMMAND...: runs it with a fault in its system calls, see strace(1).
injecting() {
	local fault=$1
	shift
	strace -f -qq -o trace -e "inject=$fault" "$@"
}

need_strace() {
	strace -f -qq -o trace -e inject=fsync:error=EIO true 2>/dev/null || skip "strace is missing, or not allowed here"
	rm trace
}

# full_disk mounts a file system of 1 MiB at full; loop_device FILE sets $loop.
full_disk() {
	mkdir full
	mount -t tmpfs -o size=1M tmpfs full 2>/dev/null || skip "cannot mount a tmpfs: needs root"
}
loop_device() { loop=$(losetup --show -f "$1" 2>/dev/null) || skip "no loop devices: needs root"; }

# unreadable FILE COMMAND...: runs it while FILE cannot be read.
unreadable() {
	local file=$1
	shift
	strace -f -qq -o trace -P "$file" -e trace=read,pread64 -e inject=read,pread64:error=EIO "$@"
}

@test "a read error" {
	need_strace
	printf old >out
	while read -r stage; do
		file=${stage##* }
		run -1 --separate-stderr unreadable $file $stage -o out
		[[ $stderr == *"${stage%% *}: "*" byte "*": read $file: input/output error" ]] || fail "$stage: $stderr"
		[[ $stage != hexz-cat* ]] || continue
		run -4 --separate-stderr bash -c "strace -f -qq -o trace -P $file -e trace=read,pread64 -e inject=read,pread64:error=EIO $stage 2>err | hexz-seal -o out"
	done < <(writers)
	for stage in "hexz-verify $W/a.hxz" "hexz-inspect $W/a.hxz" "hexz-diff $W/b.hxz $W/a.hxz" "hexz-sign -k $W/key $W/a.hxz" \
		"hexz-commit --base $W/a.hxz $W/noise -o out"; do
		run --separate-stderr unreadable "$W/a.hxz" $stage
		[[ $stage == hexz-diff* && $status -eq 2 || $status -eq 1 ]] || fail "$stage: exit $status"
		[[ $stderr == *"${stage%% *}: "*"read $W/a.hxz: input/output error" ]] || fail "$stage: $stderr"
	done
	[ "$(cat out)" = old ]
	hexz-verify "$W/a.hxz"
	only err out trace
}

@test "a disk that cannot be read from one place on" {
	printf old >out
	while read -r stage; do
		cp "${stage##* }" image
		truncate -s 3200000 image # a loop device has whole sectors
		loop_device image
		truncate -s 2M image # what is behind is gone
		run -1 --separate-stderr ${stage% *} -o out "$loop"
		[[ $stderr == "${stage%% *}: "*"read $loop: input/output error" ]] || fail "$stage: $stderr"
		# hexz-dedup passes payloads on without a look at them.
		[[ $stderr == *" byte "* || $stage == hexz-dedup* ]] || fail "$stage, no position: $stderr"
		if [[ $stage != hexz-cat* && $stage != hexz-seal* ]]; then
			run -4 --separate-stderr bash -c "${stage% *} $loop 2>err | hexz-seal -o out"
			[[ $stderr == "hexz-seal: "*"upstream ${stage%% *} failed: "*" byte "*"input/output error" ||
				$stage == hexz-dedup* ]] || fail "$stage: $stderr"
		fi
		losetup -d "$loop"
	done < <(writers)
	[ "$(cat out)" = old ]
	only err image out
}

@test "sync, close and rename fail: the old file stays" {
	need_strace
	while read -r stage; do
		for call in fsync close rename,renameat,renameat2; do
			printf old >out
			run -1 --separate-stderr injecting $call:error=EIO $stage -o out
			one_error "${stage%% *}"
			[[ $stderr == *" out: input/output error" ]] || fail "$stage, $call: $stderr"
			[ "$(cat out)" = old ] || fail "$stage, $call: the old file is gone"
			only out trace
		done
		# Then the file has its name already, and is whole. (It had another one before, as files without
		# a name are refused here.)
		run -1 --separate-stderr strace -f -qq -o trace -P "$PWD" -e inject=openat:error=EIO $stage -o "$PWD/out"
		[[ $stderr == *"out is complete, but may be lost if the power fails: "* ]] || fail "$stage: $stderr"
		$stage | cmp - out
		only out trace
	done < <(writers)
	printf old >out
	run -1 --separate-stderr injecting ftruncate:error=EIO hexz-cat -o out "$W/a.hxz"
	[[ $stderr == "hexz-cat: truncate out: input/output error" ]] || fail "$stderr"
	[ "$(cat out)" = old ]
	# Space cannot be reserved: zeros are written.
	hexz-chunk "$IN/sparse" | hexz-seal -o s.hxz
	injecting fallocate:error=EIO hexz-cat -o out s.hxz
	cmp out "$IN/sparse"
	only out s.hxz trace
}

@test "keys: all files or none" {
	need_strace
	for call in fsync link,linkat openat; do
		run --separate-stderr injecting $call:error=EIO hexz-keygen sign --no-passphrase -o key
		# Without links it goes by another way.
		[ "$status" -eq 0 ] || [ "$status" -eq 1 ] || fail "$call: exit $status: $stderr"
		if [ "$status" -eq 0 ]; then
			only key key.pub trace
			rm key key.pub
		else
			only trace
		fi
	done
}

@test "hexz-sign that fails leaves the archive as it was" {
	need_strace
	for call in fsync pwrite64; do
		cp "$W/a.hxz" a.hxz
		run -1 --separate-stderr injecting $call:error=EIO hexz-sign -k "$W/key" a.hxz
		[[ $stderr == "hexz-sign: a.hxz: sign: "*"input/output error"* ]] || fail "$stderr"
		cmp a.hxz "$W/a.hxz" || fail "$call: a.hxz is another"
	done
	hexz-sign -k "$W/key" a.hxz
	hexz-verify --signed-by "$W/key.pub" a.hxz
	only a.hxz trace
}

@test "a disk that fills up" {
	full_disk
	while read -r stage; do
		printf old >full/out
		run -1 --separate-stderr $stage -o full/out
		[[ $stderr == "${stage%% *}: "*"write full/out: no space left on device" ]] || fail "$stage: $stderr"
		[ "$(cat full/out)" = old ]
		[ "$(ls -A full)" = out ] || fail "$stage leaves $(ls -A full)"
		run -1 --separate-stderr bash -c "$stage >full/redirected"
		[[ $stderr == "${stage%% *}: "*"no space left on device" ]] || fail "$stage: $stderr"
		rm full/*
	done < <(writers)
	# Where temporary files go.
	head -c 900K /dev/zero >full/taken
	run -1 --separate-stderr bash -c "cat $W/a.hxz | TMPDIR=full hexz-cat -o out"
	[[ $stderr == "hexz-cat: write full/"*": no space left on device" ]] || fail "$stderr"
	hexz-chunk --chunker fixed --size 64 "$W/noise" >many.hxs
	run -1 --separate-stderr env TMPDIR=full hexz-seal --max-memory 1M -o out many.hxs
	[[ $stderr == "hexz-seal: "*"full/"*"no space left on device" ]] || fail "$stderr"
	[ "$(ls -A full)" = taken ]
	# A signature: there is room for the archive, and none for more.
	noise 60381 x | hexz-chunk | hexz-seal -o a.hxz
	truncate -s 0 full/taken
	cp a.hxz full/a.hxz
	cat /dev/zero >>full/taken 2>/dev/null || true
	[ $((($(size a.hxz) + 4095) / 4096)) -lt $((($(size a.hxz) + 459 + 4095) / 4096)) ] || fail "choose another size: $(size a.hxz)"
	run -1 --separate-stderr hexz-sign -k "$W/key" full/a.hxz
	[[ $stderr == "hexz-sign: full/a.hxz: sign: "*"no space left on device" ]] || fail "$stderr"
	cmp a.hxz full/a.hxz
	# What tells of the work.
	run -1 --separate-stderr hexz-chunk --stats full/stats -o out "$IN/one"
	[[ $stderr == *"full/stats"*"no space left on device"* ]] || fail "$stderr"
	umount full
}

@test "a disk that takes writes and loses them" {
	full_disk
	truncate -s 16M full/image
	mkfs.ext4 -q -O ^has_journal full/image 2>/dev/null || skip "no mkfs.ext4"
	mkdir disk
	mount -o loop,errors=continue full/image disk 2>/dev/null || skip "cannot mount a file: needs root and loop devices"
	while read -r stage; do
		run -1 --separate-stderr $stage -o disk/out
		[[ $stderr == "${stage%% *}: "*"sync disk/out: "* ]] || fail "$stage: $stderr"
		[ "$(ls -A disk)" = lost+found ] || fail "$stage leaves $(ls -A disk)"
	done < <(writers)
	umount disk
	# In place there is no old content left, but the exit code tells.
	loop_device full/image
	for flags in "" "--in-place"; do
		run -1 --separate-stderr hexz-cat $flags -o "$loop" "$W/a.hxz"
		[[ $stderr == "hexz-cat: "*"$loop: input/output error"* ]] || fail "$stderr"
	done
	losetup -d "$loop"
	umount full
}

@test "a writer and a reader that stop for a while" {
	cat >pauses.py <<-'END'
		import sys, time
		data = open(sys.argv[1], "rb").read()
		for at in range(0, len(data), 1 << 20):
		    sys.stdout.buffer.write(data[at:at + (1 << 20)])
		    sys.stdout.buffer.flush()
		    time.sleep(0.1)
	END
	while read -r stage; do
		$stage >want
		"$PYTHON" pauses.py "${stage##* }" | ${stage% *} >out
		[[ $stage == hexz-chunk* ]] || cmp out want # the size of a pipe is not known
	done < <(writers)
	"$PYTHON" pauses.py "$W/noise" | hexz-chunk | hexz-cat | cmp - "$W/noise"
	# A reader that pauses while all pipes in front of it are full.
	hexz-chunk "$W/noise" | hexz-dedup | hexz-compress | hexz-seal | { head -c 1000; sleep 0.5; cat; } | cmp - "$W/a.hxz"
	hexz-cat "$W/a.hxz" | { head -c 1000; sleep 0.5; cat; } | cmp - "$W/noise"
}

@test "a reader that goes away in the middle" {
	while read -r stage; do
		run -0 --separate-stderr bash -c "$stage | head -c 500000 >/dev/null; echo \${PIPESTATUS[0]}"
		[ "$output" = 141 ] || fail "$stage: exit $output"
		[ -z "$stderr" ] || fail "$stage: $stderr"
	done < <(writers)
	# All of a pipeline, to the first, whose input has no end.
	run -0 --separate-stderr bash -c "cat /dev/urandom | hexz-chunk | hexz-dedup | hexz-compress | hexz-seal | head -c 1000 >/dev/null; echo \${PIPESTATUS[*]}"
	[ "$output" = "141 141 141 141 141 0" ] || fail "$output"
	[ -z "$stderr" ] || fail "$stderr"
}

# stop SIGNAL COMMAND...: runs it, and sends the signal after a random time of up to 60 ms,
# most of that what it takes.
stop() {
	local signal=$1
	shift
	timeout --preserve-status -s "$signal" "$(awk -v r=$RANDOM 'BEGIN { print 0.001 + r / 32768 * 0.06 }')" \
		env --default-signal=INT "$@" >stdout 2>stderr
}

@test "INT, TERM and KILL at any moment: the old file or the new one" {
	printf old >short
	stopped=0
	for ((n = 0; n < ${HEXZ_KILL_TRIALS:-4}; n++)); do
		for signal in INT TERM KILL; do
			while read -r stage; do
				[ -e "new.${stage// *}" ] || $stage -o "new.${stage// *}"
				cp short out
				code=0
				stop $signal $stage -o out || code=$?
				what="$stage, SIG$signal"
				[ $code -eq 0 ] || [ $code -eq $((128 + $(kill -l $signal))) ] || fail "$what: exit $code: $(cat stderr)"
				[ $code -eq 0 ] || stopped=$((stopped + 1))
				# It can be stopped behind the rename.
				[ $code -ne 0 ] && cmp -s out short || cmp out "new.${stage// *}" || fail "$what: exit $code, and neither the old file nor the new one"
				[ $signal = KILL ] || [ -z "$(find . -name '.hexz-*')" ] || fail "$what leaves a temporary file"
				find . -name '.hexz-*' -delete
			done < <(writers | grep -v -e ' -d ')
		done
	done
	# Were all of them too late, nothing would have been tested.
	[ $stopped -gt 0 ] || fail "no signal hit"
}

@test "INT, TERM and KILL of what changes a file: it can be done again" {
	noise 1048583 other >before
	for ((n = 0; n < ${HEXZ_KILL_TRIALS:-4}; n++)); do
		for signal in INT TERM KILL; do
			cp "$W/a.hxz" a.hxz
			stop $signal hexz-sign -k "$W/key" a.hxz || true
			hexz-verify a.hxz || fail "hexz-sign, SIG$signal"
			hexz-sign -q -k "$W/key" a.hxz
			hexz-verify --signed-by "$W/key.pub" a.hxz || fail "hexz-sign again, SIG$signal"
			cp before disk.img
			stop $signal hexz-cat --in-place -o disk.img a.hxz || true
			hexz-cat -q --in-place -o disk.img a.hxz
			cmp disk.img "$W/noise" || fail "hexz-cat --in-place again, SIG$signal"
			rm -f key key.pub
			stop $signal hexz-keygen sign --no-passphrase -o key || true
			[ ! -e key ] || [ -s key ] || fail "hexz-keygen, SIG$signal: an empty key"
			# Who only reads leaves nothing to see.
			for reader in "hexz-verify a.hxz" "hexz-inspect --chunks a.hxz" "hexz-diff a.hxz $W/b.hxz"; do
				stop $signal $reader || [ $? -ge 128 ] || fail "$reader, SIG$signal: $(cat stderr)"
			done
			printf old >out
			code=0
			stop $signal hexz-commit --base "$W/a.hxz" -o out before || code=$?
			[ $code -eq 0 ] || [ $code -ge 128 ] || fail "hexz-commit, SIG$signal: $(cat stderr)"
			[ "$(head -c 3 out)" = old ] || hexz-cat --parent "$W/a.hxz" out | cmp - before
		done
	done
}

@test "a stage that waits for its reader ends by a signal" {
	mkfifo pipe
	while read -r stage; do
		exec 8<>pipe # nobody reads
		$stage >pipe 2>err &
		pid=$!
		# It waits once the pipe is full: nothing else sleeps for so long.
		until [ "$(awk '{ print $3 }' /proc/$pid/stat)" = S ]; do sleep 0.01; done
		kill -TERM $pid
		code=0
		wait $pid || code=$?
		exec 8<&-
		[ $code -eq 143 ] || fail "$stage: exit $code"
		[ -z "$(cat err)" ] || fail "$stage: $(cat err)"
	done < <(writers)
}

@test "a file that grows while it is packed: what it had at the start" {
	noise 3000000 x >in
	cp in before
	hexz-chunk --digest sha256 in | {
		head -c 100
		cat before >>in
		cat
	} | hexz-seal -o a.hxz
	hexz-cat a.hxz | cmp - before
	hexz-verify a.hxz
}

@test "few file descriptors" {
	printf old >short
	while read -r stage; do
		for n in {3..12}; do
			cp short out
			code=0
			(
				exec >stdout 2>stderr
				ulimit -n "$n"
				exec $stage -o out
			) || code=$?
			[ $code -eq 0 ] || cmp out short || fail "$stage with $n: exit $code, and the old file is gone"
			[ $code -ne 0 ] || $stage | cmp - out
			[ -z "$(find . -name '.hexz-*')" ] || fail "$stage with $n leaves a temporary file"
		done
		# A few more than the standard streams are enough.
		[ $code -eq 0 ] || fail "$stage with $n: exit $code: $(cat stderr)"
	done < <(writers)
}

# limited BYTES COMMAND...: runs it in a group of control with a limit of memory and no swap.
limited() {
	local bytes=$1 group=/sys/fs/cgroup/memory/hexz-$BASHPID file=memory.limit_in_bytes code=0
	shift
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		group=/sys/fs/cgroup/hexz-$BASHPID file=memory.max
	fi
	mkdir "$group" 2>/dev/null || return 99
	if echo "$bytes" 2>/dev/null >"$group/$file"; then
		for swap in memory.memsw.limit_in_bytes memory.swap.max; do
			[ ! -e "$group/$swap" ] || { [ $swap = memory.swap.max ] && echo 0 || echo "$bytes"; } >"$group/$swap"
		done
		bash -c "echo \$\$ >$group/cgroup.procs && exec \"\$@\"" bash "$@" || code=$?
	else
		code=99
	fi
	rmdir "$group"
	return $code
}

@test "little memory: --max-memory keeps to it" {
	code=0
	limited 100000000 true || code=$?
	[ $code -ne 99 ] || skip "cannot limit memory here: needs root and control groups"
	noise 20000000 x | hexz-chunk --chunker fixed --size 64 >in.hxs
	printf old >out
	code=0
	limited 36000000 hexz-seal -o out in.hxs 2>err || code=$?
	# The kernel kills it. Nothing is left but the old file, and a temporary one.
	[ $code -eq 137 ] || fail "without --max-memory: exit $code: $(cat err)"
	[ "$(cat out)" = old ]
	find . -name '.hexz-*' -delete
	limited 36000000 hexz-seal --max-memory 8M -o out in.hxs
	hexz-verify out
	code=0
	limited 18000000 hexz-dedup -o thin.hxs in.hxs 2>err || code=$?
	[ $code -eq 137 ] || fail "hexz-dedup without --max-memory: exit $code: $(cat err)"
	find . -name '.hexz-*' -delete
	limited 18000000 hexz-dedup --max-memory 2M -q -o thin.hxs in.hxs
	hexz-seal -q thin.hxs >/dev/null
	# What restores needs no index of chunks.
	limited 64000000 hexz-cat -o restored out
	noise 20000000 x | cmp - restored
	only err in.hxs out restored thin.hxs
}
