# The inputs of hexz-chunk: when they are opened, and what they are.

load helper

@test "several FIFOs that one writer fills one after the other" {
	mkfifo a b c
	(cat "$IN/noise" >a && cat "$IN/tree.tar" >b && cat "$IN/one" >c) &
	timeout 60 hexz-chunk a=./a b=./b c=./c | hexz-seal -o x.hxz
	wait $! # not for all: bats has a process of its own for the timeout
	hexz-cat --stream a x.hxz | cmp - "$IN/noise"
	hexz-cat --stream b x.hxz | cmp - "$IN/tree.tar"
	hexz-cat --stream c x.hxz | cmp - "$IN/one"
}

@test "more inputs than there may be open files" {
	local args=() i
	for i in {1..60}; do
		echo "$i" >"f$i"
		args+=("s$i=f$i")
	done
	(
		ulimit -n 40
		hexz-chunk "${args[@]}" -o all
		hexz-chunk f1 | hexz-seal -o base.hxz
		hexz-commit --base base.hxz "${args[@]/#/--replace=}" -o more
	)
	hexz-seal -o all.hxz all
	[ "$(hexz-cat --stream s60 all.hxz)" = 60 ]
	[ "$(hexz-inspect --json all.hxz | jq '.streams | length')" = 60 ]
}

@test "an input that is missing is an error before anything is read" {
	echo text >a
	mkfifo fifo # to open it would wait
	for bad in nowhere . ''; do
		run timeout 60 hexz-chunk a=a b=fifo c="$bad" -o out
		[[ $status -eq 1 || $status -eq 2 ]] || fail "$bad: $status, $output"
		only a fifo
	done
	run -2 --separate-stderr timeout 60 hexz-chunk a=fifo b=a -o a
	[[ $stderr == *"a is both input and output"* ]] || fail "$stderr"
	[ "$(cat a)" = text ]
}

@test "standard input that stands in the middle of a file is read from there" {
	pack "$IN/noise" m.hxz
	pack "$IN/one" o.hxz
	{ printf HEADER1234 && cat m.hxz; } >hd
	at() { (head -c "$1" >skipped && "${@:3}") <"$2"; } # at N FILE COMMAND...: head takes no more than N of a file
	at 10 hd hexz-cat | cmp - "$IN/noise"
	at 10 hd hexz-cat --offset 70000 --length 99 | cmp - <(tail -c +70001 "$IN/noise" | head -c 99)
	at 10 hd hexz-cat --keep-going | cmp - "$IN/noise"
	at 10 hd hexz-unseal | cmp - <(hexz-unseal m.hxz)
	at 10 hd hexz-unseal --salvage | cmp - <(hexz-unseal m.hxz)
	at 10 hd hexz-verify -
	at 10 hd hexz-diff - m.hxz
	diff <(at 10 hd hexz-inspect --index -) <(hexz-inspect --index m.hxz)
	cat m.hxz o.hxz >two
	at "$(size m.hxz)" two hexz-cat | cmp - "$IN/one"
	run -3 --separate-stderr at 4 hd hexz-cat
	[[ $stderr == *"6 bytes before the archive"*"tail -c +11 INPUT > FILE"* ]] || fail "$stderr"
	for command in hexz-cat "hexz-verify -" "hexz-diff - m.hxz" hexz-unseal; do # not the archive, but its end
		# shellcheck disable=SC2086
		run at 100 m.hxz $command
		[ "$status" -eq 3 ] || [[ $command == hexz-diff* && $status -eq 2 ]] || fail "$command: $status, $output"
	done
	for command in hexz-cat "hexz-verify -"; do
		# shellcheck disable=SC2086
		run -3 --separate-stderr at "$(size m.hxz)" m.hxz $command
		[[ $stderr == *"the file is empty"* ]] || fail "$command: $stderr"
	done
}

@test "files that have less than they say" {
	local f
	for f in /sys/kernel/uevent_seqnum /sys/class/net/lo/mtu /proc/version; do
		[ -r "$f" ] || continue
		hexz-chunk "$f" | hexz-cat | cmp - "$f"
	done
}

@test "--format qcow2: what a guest sees, with its backing files" {
	command -v qemu-img qemu-io >/dev/null || skip "no qemu-img or qemu-io"
	cp "$IN/sparse" disk.img
	truncate -s 9000000 disk.img
	mkdir lower
	mv disk.img lower/
	qemu-img create -q -f qcow2 -o cluster_size=4k -b disk.img -F raw lower/mid.qcow2 2>err
	qemu-io -f qcow2 -c 'write -P 7 100k 300k' -c 'write -z 4M 512k' -c 'write -P 0 5300k 9k' lower/mid.qcow2 >/dev/null
	qemu-img create -q -f qcow2 -o compression_type=zstd -b lower/mid.qcow2 -F qcow2 top.qcow2 20M
	qemu-io -f qcow2 -c 'write -c -P 5 8M 64k' -c 'write -z 12M 1M' top.qcow2 >/dev/null
	qemu-img convert -O raw top.qcow2 want.img

	run -0 --separate-stderr hexz-chunk top.qcow2 -o out
	[[ $stderr == *"begins as a qcow2 file does"*"--format qcow2"* ]] || fail "$stderr"
	run -0 --separate-stderr hexz-chunk -v --format qcow2 top.qcow2 -o out --stats stats
	[[ $stderr == *"lower/"*"mid.qcow2"*"disk.img"* && $stderr != *warning* ]] || fail "$stderr"
	hexz-seal -o x.hxz out
	hexz-cat x.hxz | cmp - want.img
	hexz-cat -o restored.img x.hxz
	cmp restored.img want.img
	pack want.img whole.hxz
	[ "$(hexz-inspect --json x.hxz | jq .streams[0].root)" = "$(hexz-inspect --json whole.hxz | jq .streams[0].root)" ] ||
		fail "other chunks than those of the raw image"
	# Clusters of zeros are zeros, and what no file has is a hole.
	jq -e '.zero.bytes >= 1500000 and .hole.bytes >= 7000000' stats
	[ "$(allocated restored.img)" -lt 12000000 ]

	# The same with any number of threads, and in a stream of a base.
	for n in 1 3 5; do
		hexz-chunk -T $n --format qcow2 top.qcow2 | cmp - out
	done
	# The options for that are refused where they could do nothing.
	run -2 hexz-chunk --backing-format raw top.qcow2 -o none
	run -2 hexz-chunk --format qcow2 --exec -o none -- cat top.qcow2
	mv lower/disk.img gone
	run -1 --separate-stderr hexz-chunk --format qcow2 top.qcow2 -o none
	one_error hexz-chunk
	[[ $stderr == *"backing file"*"disk.img"*"no such file"* ]] || fail "$stderr"
	run -3 --separate-stderr hexz-chunk --format qcow2 gone -o none
	[[ $stderr == *"not a qcow2 file"* ]] || fail "$stderr"
	[ ! -e none ]
}
