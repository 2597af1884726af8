# What -o promises: the old file or the new one under its name, with the owner it had; what cannot
# work is said before the work; and standard streams that others change.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	"$PYTHON" -c 'import random, sys; sys.stdout.buffer.write(random.Random(5).randbytes(3000000))' >noise
	hexz-chunk noise | hexz-seal -o a.hxz
	export W=$BATS_FILE_TMPDIR
}

teardown() {
	chattr -a appends 2>/dev/null || true
	chattr -i kept 2>/dev/null || true
	umount mounted 2>/dev/null || true
}

need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

# refused HINT COMMAND...: exit 1 at once, without a read of the input, which never ends.
refused() {
	local hint=$1
	shift
	run -1 --separate-stderr timeout 60 "$@" </dev/zero
	[ -n "$stderr" ] || fail "no message"
	[[ ${stderr_lines[1]} == "hint: "*"$hint"* ]] || fail "$stderr"
}

@test "an append-only directory takes new files, and says at once that none can be replaced" {
	mkdir appends
	printf old >appends/old
	chattr +a appends 2>/dev/null || skip "no chattr +a here"
	hexz-cat -o appends/new "$W/a.hxz"
	cmp appends/new "$W/noise"
	refused append-only hexz-chunk -o appends/old
	[ "$(ls -A appends)" = "$(printf 'new\nold')" ]
	[ "$(cat appends/old)" = old ]
}

@test "hexz-keygen leaves no second name of a key, in an append-only directory either" {
	mkdir appends
	chattr +a appends 2>/dev/null || skip "no chattr +a here"
	hexz-keygen encrypt -o appends/k >k.pub
	hexz-keygen sign --no-passphrase -o appends/s >s.pub
	[ "$(ls -A appends)" = "$(printf 'k\ns\ns.pub')" ] || fail "$(ls -A appends)"
	[ "$(stat -c '%h %a' appends/k appends/s)" = "$(printf '1 600\n1 600')" ] || fail "$(stat -c '%h %a' appends/*)"
	run -1 --separate-stderr hexz-keygen encrypt -o appends/k
	[[ $stderr == "hexz-keygen: appends/k exists already"* ]] || fail "$stderr"
}

@test "a file that cannot be replaced: immutable, or of somebody else in a sticky directory" {
	need_root
	printf old >kept
	if chattr +i kept 2>/dev/null; then
		run -1 --separate-stderr timeout 60 hexz-chunk -o kept </dev/zero
		[[ $stderr == "hexz-chunk: open kept: "* ]] || fail "$stderr"
		chattr -i kept
	fi
	mkdir sticky
	chmod 1777 sticky . ..
	printf old >sticky/file
	chmod 666 sticky/file
	setpriv --reuid 1234 --regid 1234 --clear-groups true 2>/dev/null || skip "no setpriv"
	setpriv --reuid 1234 --regid 1234 --clear-groups test -x "$(command -v hexz-chunk)" || skip "others cannot run the binaries"
	refused sticky setpriv --reuid 1234 --regid 1234 --clear-groups hexz-chunk -o sticky/file
	refused directory setpriv --reuid 1234 --regid 1234 --clear-groups hexz-chunk -o /new
	[ "$(cat sticky/file kept)" = oldold ]
}

@test "a file that is a mount point" {
	need_root
	printf old >mounted
	printf old >other
	mount --bind other mounted 2>/dev/null || skip "cannot mount here"
	refused redirect hexz-chunk -o mounted
	hexz-cat "$W/a.hxz" >mounted
	umount mounted
	cmp other "$W/noise"
	only mounted other
}

@test "a file that is replaced keeps its owner, permissions and attributes" {
	need_root
	printf old >out
	chown 1234:5678 out
	chmod 640 out
	attr=
	"$PYTHON" -c 'import os; os.setxattr("out", "user.mine", b"yes")' 2>/dev/null && attr=yes
	hexz-cat -o out "$W/a.hxz"
	[ "$(stat -c %u:%g:%a out)" = 1234:5678:640 ]
	[ -z "$attr" ] || [ "$("$PYTHON" -c 'import os; print(os.getxattr("out", "user.mine").decode())')" = yes ]
	cmp out "$W/noise"
}

# without_unnamed COMMAND... becomes it, in a subshell, where files without a name are refused in this directory.
without_unnamed() {
	exec strace -f -qq -o trace -P "$PWD" -e inject=openat:error=EOPNOTSUPP "$@"
}

@test "where files need a name: none is left by a signal, or when the reader of stdout goes away" {
	strace -qq -o trace -e inject=fsync:error=EIO true 2>/dev/null || skip "strace is missing, or not allowed here"
	without_unnamed hexz-chunk --stats "$PWD/stats" "$W/noise" | head -c 10 >/dev/null || true
	without_unnamed hexz-cat --keep-going --report "$PWD/report" "$W/a.hxz" | head -c 10 >/dev/null || true
	only trace
	mkfifo in
	for signal in TERM QUIT XCPU; do
		without_unnamed hexz-chunk -o "$PWD/out" <in 2>/dev/null &
		exec 8>in
		for _ in {1..500}; do
			[ -z "$(find . -name '.hexz-*')" ] || break
			sleep 0.02
		done
		[ -n "$(find . -name '.hexz-*')" ] || fail "no temporary file"
		pid=$(pgrep -P $!)
		kill -$signal "$pid"
		wait $! || true
		exec 8>&-
		only in trace
	done
}

@test "standard streams that become non-blocking while they are in use" {
	cat >slow.py <<-'END'
		# Makes the pipe that is descriptor 9 non-blocking once it is full or empty, as others see it then.
		import fcntl, os, sys, time
		fcntl.fcntl(9, fcntl.F_SETFL, fcntl.fcntl(9, fcntl.F_GETFL) | os.O_NONBLOCK)
	END
	mkfifo pipe
	# hexz-cat has the same open pipe as this shell, and writes to it while it is full.
	exec 7<>pipe 9>pipe
	hexz-cat "$W/a.hxz" >&9 2>err 7<&- 9>&- &
	pid=$!
	until [ "$(awk '{ print $3 }' /proc/$pid/stat)" = S ]; do sleep 0.01; done
	"$PYTHON" slow.py
	exec 9>&-
	head -c 3000000 <&7 | cmp - "$W/noise"
	wait $pid || fail "$(cat err)"
	exec 7<&-
	# hexz-seal has the same open pipe as this shell, and reads from it while it is empty.
	hexz-chunk "$W/noise" >chunks
	exec 7<>pipe 9<pipe
	hexz-dedup <&9 >out 2>err 7>&- 9<&- &
	pid=$!
	until [ "$(awk '{ print $3 }' /proc/$pid/stat)" = S ]; do sleep 0.01; done
	"$PYTHON" slow.py
	cat chunks >&7
	exec 7>&-
	wait $pid || fail "$(cat err)"
	exec 9<&-
	hexz-dedup chunks | cmp - out
}

@test "a file of sysfs, which says a page and has less" {
	file=$(find /sys/kernel -maxdepth 1 -name uevent_seqnum)
	[ -r "$file" ] || skip "no sysfs"
	hexz-chunk "$file" | hexz-cat | cmp - "$file"
}
