# Whatever fails: no archive that passes for a good one, no wrong bytes, nothing left behind.

load helper

# feed FILE: 40 pieces, 10 ms apart, so that a moment can be met at which all stages are at work. It
# begins once there is a file "begin", and goes on after half of it once there is a file "go".
feed() {
	"$PYTHON" -c '
import os, sys, time
data = open(sys.argv[1], "rb").read()
for n in range(40):
    while n in (0, 20) and not os.path.exists("begin" if n == 0 else "go"):
        time.sleep(0.001)
    sys.stdout.buffer.write(data[n * len(data) // 40:(n + 1) * len(data) // 40])
    sys.stdout.flush()
    time.sleep(0.01)' "$1"
}

# working PID...: waits until each is a stage, and no longer the shell that opens its files. Else a
# signal could leave another one waiting for the other end of a FIFO.
working() {
	local pid
	for pid; do
		until [[ $(cat "/proc/$pid/comm" 2>/dev/null) == hexz-* ]]; do sleep 0.001; done
	done
}

# written PID: the stage has written something to a file of this directory, which may have no name.
written() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		[[ $(readlink "$fd") == "$PWD/"* && -f $fd && -s $fd ]] && return
	done
	return 1
}

# trial STAGE SECONDS SIGNAL: sends it to a stage of a pipeline after a while, or if SECONDS is
# "half", once the archive has begun to be written, with half of the input still to come. With
# $redirect, the archive is not written by -o. codes are those of all stages.
trial() {
	local pids=() pid
	rm -f p1 p2 p3 begin go
	mkfifo p1 p2 p3
	# exec, so that the ids are those of the stages.
	feed "$IN/noise" 2>/dev/null | exec hexz-chunk >p1 2>/dev/null & pids+=($!)
	hexz-dedup <p1 >p2 2>/dev/null & pids+=($!)
	hexz-compress <p2 >p3 2>/dev/null & pids+=($!)
	if [ -n "${redirect-}" ]; then
		hexz-seal <p3 >a.hxz 2>seal.err & pids+=($!)
	else
		hexz-seal -o a.hxz <p3 2>seal.err & pids+=($!)
	fi
	working "${pids[@]}"
	if [ "$2" = half ]; then
		touch begin
		until written "${pids[3]}"; do sleep 0.001; done
	else
		touch begin go
		sleep "$2"
	fi
	kill -s "$3" "${pids[$1]}" 2>/dev/null || true
	touch go
	codes=()
	for pid in "${pids[@]}"; do
		local code=0
		wait "$pid" 2>/dev/null || code=$?
		codes+=("$code")
	done
	rm -f p1 p2 p3 begin go
}

# moment prints a number of seconds from 0 to 0.5: the time that a trial takes.
moment() { awk -v r=$RANDOM 'BEGIN { print r / 32768 / 2 }'; }

@test "SIGKILL of any stage at any moment: the old archive or the complete new one" {
	pack "$IN/one" old.hxz
	trials=${HEXZ_KILL_TRIALS:-32}
	failed=0
	for ((n = 0; n < trials; n++)); do
		cp old.hxz a.hxz
		stage=$((n % 4)) delay=$(moment)
		trial $stage "$delay" KILL
		what="stage $stage killed after $delay s, exit codes ${codes[*]}"
		if [ "${codes[3]}" -eq 0 ]; then
			# The stage had written all it had to.
			hexz-cat a.hxz | cmp - "$IN/noise" || fail "$what: another content"
			continue
		fi
		failed=$((failed + 1))
		cmp old.hxz a.hxz || fail "$what: the old archive is gone"
		if [ $stage -lt 3 ]; then
			[ "${codes[3]}" -eq 4 ] || fail "$what"
			grep -q '^hexz-seal: ' seal.err || fail "$what: no message"
			only a.hxz old.hxz seal.err
		else
			[ "${codes[3]}" -eq 137 ] || fail "$what"
			find . -name '.hexz-*' -delete # which may have its name for the moment of the rename
		fi
	done
	# Were all of them too late, nothing would have been tested.
	[ $failed -ge $((trials / 4)) ] || fail "only $failed of $trials trials hit"
}

@test "SIGKILL with a redirection: what is left does not verify" {
	redirect=yes
	trials=$((${HEXZ_KILL_TRIALS:-32} / 2))
	failed=0
	for ((n = 0; n < trials; n++)); do
		stage=$((n % 4)) delay=$(moment)
		trial $stage "$delay" KILL
		what="stage $stage killed after $delay s, exit codes ${codes[*]}"
		if [ "${codes[3]}" -eq 0 ]; then
			hexz-cat a.hxz | cmp - "$IN/noise" || fail "$what: another content"
			continue
		fi
		failed=$((failed + 1))
		if [ $stage -eq 3 ] && hexz-verify -q a.hxz 2>/dev/null; then # it had written all, but not ended
			hexz-cat a.hxz | cmp - "$IN/noise" || fail "$what: another content"
			continue
		fi
		unsound a.hxz
		run ! hexz-cat -o out a.hxz
		[ ! -e out ]
	done
	[ $failed -ge $((trials / 4)) ] || fail "only $failed of $trials trials hit"
}

# The signals to try: not the hangup where it is ignored from the start, as under nohup.
signals() {
	echo TERM
	(($(awk '/^SigIgn/ { print "0x" $2 }' /proc/self/status) & 1)) || echo HUP
}

@test "SIGTERM and SIGHUP of a stage: the stage behind it fails" {
	for signal in $(signals); do
		for stage in 0 1 2; do
			trial $stage half $signal
			[ "${codes[$stage]}" -eq $((128 + $(kill -l $signal))) ] || fail "stage $stage, SIG$signal, exit codes ${codes[*]}"
			[ "${codes[3]}" -eq 4 ] || fail "stage $stage, SIG$signal, exit codes ${codes[*]}"
			only seal.err
		done
	done
}

@test "a cut stream into each stage" {
	hexz-chunk "$IN/twice" >1.hxs
	hexz-dedup 1.hxs >2.hxs
	hexz-compress 2.hxs >3.hxs
	printf old >out
	for in in 1 2 3; do
		size=$(size $in.hxs)
		for cut in 1 6 7 30 $((size / 2)) $((size - 40)) $((size - 1)); do
			head -c $cut $in.hxs >cut.hxs
			for stage in hexz-dedup hexz-compress "hexz-compress -d" hexz-seal hexz-unseal hexz-cat; do
				run -4 --separate-stderr bash -c "cat cut.hxs | $stage -o out"
				one_error "${stage% *}"
				# A file that is too short is damaged: no stage in front has failed.
				run -3 --separate-stderr $stage -o out cut.hxs
				run -3 --separate-stderr bash -c "$stage <cut.hxs >redirected"
				[ "$stage" = hexz-cat ] || run -4 bash -c "$stage cut.hxs 2>/dev/null | hexz-seal -o out"
			done
			run -4 bash -c "cat cut.hxs | hexz-inspect"
			run -3 hexz-inspect cut.hxs
		done
	done
	[ "$(cat out)" = old ]
	only 1.hxs 2.hxs 3.hxs cut.hxs out redirected
}

@test "the message of the stage that failed reaches the last one" {
	run -4 --separate-stderr bash -c "hexz-chunk --exec -- sh -c 'cat \"\$IN/noise\"; exit 9' 2>/dev/null | hexz-dedup 2>/dev/null | hexz-compress 2>/dev/null | hexz-seal -o a.hxz"
	[[ $stderr == "hexz-seal: "*"upstream hexz-chunk failed: "*"exit status 9"* ]]
	one_error hexz-seal
	head -c 5000 "$IN/noise" >garbage
	run -4 --separate-stderr bash -c "hexz-dedup garbage 2>/dev/null | hexz-compress 2>/dev/null | hexz-cat -o out"
	[[ $stderr == "hexz-cat: "*"upstream hexz-dedup failed: "* ]]
	only garbage
}

# What one terminal, log or mail shows.
@test "one failure is printed once, by the stage that failed" {
	rest="hexz-dedup | hexz-compress | hexz-seal --progress never -o a.hxz"
	for failing in "hexz-chunk missing" "hexz-chunk --bogus" "hexz-chunk --exec -- false" "hexz-unseal $IN/noise" "hexz-commit --base missing x"; do
		run bash -c "$failing 2>&1 >/dev/null"
		alone=$output
		run -4 --separate-stderr bash -c "$failing | $rest"
		[ "$stderr" = "$alone" ] || fail "$failing: $stderr"
		run -4 on_terminal "$failing | $rest"
		[ "$output" = "$alone" ] || fail "$failing: $output"
		# Whoever asks for more gets more.
		run -4 --separate-stderr bash -c "$failing | $rest -v"
		[[ $stderr == *"$alone"* && $stderr == *"hexz-seal: upstream "* ]] || fail "$failing: $stderr"
	done
	only
}

@test "a failure whose message does not appear here is printed here" {
	run -4 --separate-stderr bash -c 'hexz-chunk missing 2>log | hexz-dedup 2>>log | hexz-seal -o a.hxz'
	[[ $stderr == "hexz-seal: upstream hexz-chunk failed: open missing: "* && ${#stderr_lines[@]} -eq 1 ]] || fail "$stderr"
	[ "$(wc -l <log)" -eq 1 ]
	for away in '2>/dev/null' '2>&-' '2> >(cat >/dev/null)'; do
		run -4 --separate-stderr bash -c "hexz-chunk missing $away | hexz-dedup | hexz-seal -o a.hxz"
		[[ $stderr == "hexz-dedup: upstream hexz-chunk failed: "* && ${#stderr_lines[@]} -eq 1 ]] || fail "$away: $stderr"
	done
	# One that a signal has ended prints nothing.
	mkfifo in
	run -4 --separate-stderr bash -c 'exec 8<>in; { hexz-chunk in & echo $! >pid; wait; } | { until [ -s pid ]; do sleep 0.1; done; kill $(cat pid); hexz-seal -o a.hxz; }'
	[[ $stderr == "hexz-seal: "* ]] || fail "$stderr"
	# A stage that reads what another one has printed does not get a frame among it.
	run -0 bash -c 'hexz-chunk --bogus 2>&1 | cat'
	[[ $output != *hexz$'\x01'* && $output == "hexz-chunk: "* ]]
}

@test "an input that cannot be read" {
	printf x >file
	run -4 --separate-stderr bash -c 'hexz-chunk - 0>>file 2>/dev/null | hexz-seal -o a.hxz'
	[[ $stderr == *"upstream hexz-chunk failed: "*"bad file descriptor"* ]]
	run -4 --separate-stderr bash -c 'hexz-chunk missing 2>/dev/null | hexz-dedup 2>/dev/null | hexz-seal -o a.hxz'
	[[ $stderr == *"upstream hexz-chunk failed: open missing: no such file"* ]]
	run -4 bash -c 'hexz-chunk --bogus 2>/dev/null | hexz-seal -o a.hxz'
	run -1 --separate-stderr hexz-chunk .
	one_error hexz-chunk
	for stage in hexz-dedup hexz-compress hexz-seal hexz-unseal hexz-cat hexz-inspect; do
		run -1 --separate-stderr $stage missing
		one_error $stage
		[[ $stderr == *missing*"no such file"* ]]
		run -1 --separate-stderr $stage .
		one_error $stage
	done
	only file
}

# The Go runtime puts /dev/null in the place of a closed descriptor: that is no empty input.
@test "with standard input closed there is no archive" {
	run -1 --separate-stderr bash -c 'hexz-chunk -o a.hxs <&-'
	one_error hexz-chunk
	run -4 --separate-stderr bash -c 'hexz-chunk <&- 2>/dev/null | hexz-seal -o a.hxz'
	[[ $stderr == *"standard input is closed"* ]]
	run -1 bash -c 'hexz-seal -o a.hxz <&-'
	only
	hexz-chunk </dev/null | hexz-seal -o a.hxz
	hexz-verify a.hxz
}

@test "a file that is cut while it is read" {
	truncate -s 1G in
	noise 200000 x | dd of=in bs=1M seek=1000 conv=notrunc status=none
	run --separate-stderr bash -c 'hexz-chunk in | { head -c 100; truncate -s 100M in; cat; } | hexz-seal -o a.hxz'
	# Holes need no reading, so it may have seen the size only.
	[ "$status" -eq 0 ] || [[ $stderr == *"became shorter"* ]]
	noise 30000000 x >in
	run -4 --separate-stderr bash -c 'hexz-chunk in | { head -c 100; truncate -s 20M in; cat; } | hexz-seal -o b.hxz'
	[[ $stderr == "hexz-chunk: disk: "*"became shorter"* ]]
	one_error hexz-chunk
}

@test "a full disk" {
	hexz-chunk "$IN/noise" >in.hxs
	pack "$IN/noise" in.hxz
	for stage in "hexz-chunk $IN/noise" "hexz-dedup in.hxs" "hexz-compress in.hxs" "hexz-seal in.hxs" "hexz-unseal in.hxz" \
		"hexz-cat in.hxz" "hexz-cat in.hxs" "hexz-inspect in.hxz" "hexz-inspect --chunks in.hxz" "hexz-cat --help" "hexz-cat --man" "hexz-cat --version"; do
		run -1 --separate-stderr bash -c "$stage >/dev/full"
		[[ $stderr == "${stage%% *}: "*"no space left"* ]] || fail "$stage: $stderr"
		# A limit on the size of files stands for a disk that fills up under -o. It would hit the
		# temporary file of hexz-cat first.
		[[ $stage == *inspect* || $stage == *--* || $stage == "hexz-cat in.hxs" ]] && continue
		printf old >out
		run -1 --separate-stderr bash -c "ulimit -f 100; $stage -o out"
		[[ $stderr == "${stage%% *}: "*out*"file too large"* ]] || fail "$stage: $stderr"
		[ "$(cat out)" = old ]
		rm out
		run -1 --separate-stderr bash -c "$stage -o /dev/full"
	done
	only in.hxs in.hxz
}

@test "with standard output closed, -o works" {
	hexz-chunk "$IN/noise" | hexz-seal -o a.hxz >&-
	hexz-cat -o out a.hxz >&- 2>&-
	cmp out "$IN/noise"
	only a.hxz out
}

@test "a reader that goes away: silent, by SIGPIPE" {
	pack "$IN/noise" in.hxz
	hexz-chunk "$IN/noise" >in.hxs
	for stage in "hexz-cat in.hxz" "hexz-cat in.hxs" "hexz-chunk $IN/noise" "hexz-dedup in.hxs" "hexz-compress in.hxs" "hexz-seal in.hxs" "hexz-unseal in.hxz"; do
		run -0 --separate-stderr bash -c "$stage | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}"
		[ "$output" = 141 ] || fail "$stage: exit $output"
		[ -z "$stderr" ] || fail "$stage: $stderr"
	done
}

@test "signals leave the old file and no temporary one" {
	mkfifo in
	hexz-chunk -T 1 "$IN/noise" >in.hxs
	for signal in $(signals); do
		for stage in hexz-chunk hexz-dedup hexz-compress hexz-seal hexz-cat; do
			printf old >out
			$stage -o out <in 2>err &
			pid=$!
			exec 8>in
			head -c 500000 in.hxs >&8
			# Stop it at work, that is once the temporary file is there, which has no name.
			while [ -z "$(find /proc/$pid/fd -lname "$PWD/*")" ]; do sleep 0.01; done
			kill -$signal $pid
			code=0
			wait $pid || code=$?
			exec 8>&-
			[ $code -eq $((128 + $(kill -l $signal))) ] || fail "$stage: exit $code"
			[ "$(cat out)" = old ]
			rm out err
			only in in.hxs
		done
	done
}

# gone PID...: these processes end within a few seconds.
gone() {
	local pid _
	for pid; do
		for _ in {1..100}; do
			[[ -e /proc/$pid && $(cut -d' ' -f3 "/proc/$pid/stat") != Z ]] || continue 2
			sleep 0.1
		done
		fail "process $pid still runs"
	done
}

# A command whose child outlives it, and holds its standard output open. The pids go to a file.
cat_family='sh -c "sleep 600 & echo \$! >child; echo \$\$ >parent; cat $IN/noise; exec sleep 600"'
sh_failing='sh -c "sleep 600 & echo \$! >child; echo \$\$ >parent; exit 3"'

@test "--exec: the command and all that it has started end with hexz-chunk" {
	# Its reader goes away.
	run -0 --separate-stderr bash -c "hexz-chunk --exec -- $cat_family | head -c 500000 >first; echo \${PIPESTATUS[0]}"
	[[ $output == 141 && -z $stderr ]] || fail "$output $stderr"
	gone "$(cat parent)" "$(cat child)"
	# It fails.
	run -1 --separate-stderr bash -c "ulimit -f 100; hexz-chunk -o out --exec -- $cat_family"
	[[ $stderr == *"file too large"* ]]
	gone "$(cat parent)" "$(cat child)"
	# The command fails, and what it leaves does not keep hexz-chunk waiting.
	run -1 --separate-stderr timeout 60 bash -c "hexz-chunk -o out --exec -- $sh_failing"
	[[ $stderr == *"exit status 3"* ]] || fail "$stderr"
	gone "$(cat child)"
	[ ! -e out ]
}

@test "--exec: a command that ignores SIGTERM ends with hexz-chunk, and a daemon does not" {
	for signal in $(signals); do
		rm -f ready
		hexz-chunk -o out --exec -- bash -c 'trap "" TERM HUP; sleep 600 & echo $! >child; echo $$ >parent
			setsid sleep 600 >/dev/null & echo $! >daemon; echo >ready; sleep 600' 3>&- &
		pid=$!
		for _ in {1..100}; do [ ! -e ready ] || break; sleep 0.1; done
		kill -"$signal" $pid
		code=0
		wait $pid || code=$?
		[ $code -eq $((128 + $(kill -l "$signal"))) ] || fail "exit $code"
		gone "$(cat parent)" "$(cat child)"
		kill -KILL "$(cat daemon)"
		[ ! -e out ]
	done
}

@test "--exec on a terminal: the command can ask there, and Ctrl-C ends all" {
	ask='read -rs -p "word: " word </dev/tty; echo; echo "$word"'
	run -0 on_terminal "hexz-chunk --progress never --exec -- bash -c '${ask/echo;/echo >/dev/tty;}' | hexz-cat -o out" secret
	[ "$(cat out)" = secret ] || fail "$output"
	run -130 on_terminal "exec hexz-chunk --progress never -o no --exec -- bash -c 'sleep 600 & echo \$! >child; echo \$\$ >parent; $ask'" '^C'
	gone "$(cat parent)" "$(cat child)"
	[ ! -e no ]
}
