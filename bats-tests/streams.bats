# Several streams, ranges, the order of stages, commands, digests and dictionaries.

load helper

@test "ranges, from an archive and from pipes" {
	pack "$IN/twice" a.hxz
	hexz-unseal a.hxz -o a.hxs
	size=$(size "$IN/twice")
	for offset in 0 1 4095 65536 $((size / 2)) $((size - 1)) "$size"; do
		for length in 1 4096 100000 $((2 * size)); do
			tail -c +$((offset + 1)) "$IN/twice" | head -c "$length" >want || true
			hexz-cat --offset "$offset" --length "$length" a.hxz | cmp - want || fail "archive: $length from $offset"
			hexz-cat --offset "$offset" --length "$length" -o file a.hxz
			cmp file want || fail "into a file: $length from $offset"
			hexz-cat --offset "$offset" --length "$length" <a.hxs | cmp - want || fail "stream: $length from $offset"
		done
		tail -c +$((offset + 1)) "$IN/twice" >want
		hexz-cat --offset "$offset" a.hxz | cmp - want || fail "all from $offset"
		cat a.hxs | hexz-cat --offset "$offset" | cmp - want || fail "pipe: all from $offset"
	done
}

@test "ranges over holes and zeros, with units" {
	pack "$IN/sparse" a.hxz
	for range in "100K 2M" "1M 1K" "3000K 600K" "7M 1M" "4MB 4MiB" "2500kB 10"; do
		read -r offset length <<<"$range"
		hexz-cat --offset "$offset" --length "$length" -o out a.hxz
		dd if="$IN/sparse" iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none | cmp - out || fail "$range"
	done
}

@test "a stage in another language" {
	# Decodes and encodes every frame with a msgpack library of another language.
	cat >copy.py <<-'END'
		import msgpack, sys
		for frame in msgpack.Unpacker(sys.stdin.buffer, max_buffer_size=0):
		    sys.stdout.buffer.write(msgpack.packb(frame))
	END
	hexz-chunk "$IN/sparse" | hexz-dedup | hexz-compress | hexz-seal -o want.hxz
	hexz-chunk "$IN/sparse" | "$PYTHON" copy.py | hexz-dedup | "$PYTHON" copy.py | hexz-compress | "$PYTHON" copy.py | hexz-seal -o a.hxz
	cmp want.hxz a.hxz
}

@test "--expect-size" {
	hexz-chunk --expect-size "$(size "$IN/noise")" "$IN/noise" | hexz-seal -o a.hxz
	hexz-chunk --expect-size 0 "$IN/empty" >empty.hxs
	for size in 1M 1 2G 0; do
		run -4 --separate-stderr bash -c 'hexz-chunk --expect-size '$size' "$IN/noise" | hexz-seal -v -o bad.hxz'
		[[ $stderr == *"hexz-seal: upstream hexz-chunk failed"*1048583* ]]
	done
	run -1 --separate-stderr bash -c 'hexz-chunk --expect-size 2M <"$IN/noise" >bad.hxs'
	unsound bad.hxs
	only a.hxz bad.hxs empty.hxs
}

@test "--exec packs what a command prints" {
	hexz-chunk --exec -- cat "$IN/tree.tar" | hexz-seal -o a.hxz
	hexz-cat a.hxz | cmp - "$IN/tree.tar"
	[ "$(hexz-inspect --json a.hxz | jq -r '.streams[0].name')" = disk ]
	hexz-chunk --name db --exec -- sh -c 'cat; echo told >&2' <"$IN/one" 2>err | hexz-seal -o b.hxz
	[ "$(hexz-inspect --json b.hxz | jq -r '.streams[0].name')" = db ]
	hexz-cat b.hxz | cmp - "$IN/one"
	[ "$(cat err)" = told ]
}

@test "--exec waits for the output and the exit code, not for what is left in the background" {
	hexz-chunk --exec -- sh -c 'echo x; sleep infinity >/dev/null 3>&- & echo $! >pid' | hexz-seal -o a.hxz
	kill "$(cat pid)" # it is still there
	[ "$(hexz-cat a.hxz)" = x ]
	# What comes later on the same output belongs to it.
	hexz-chunk --exec -- sh -c '{ sleep 0.3; echo late; } &' | hexz-seal -o b.hxz
	[ "$(hexz-cat b.hxz)" = late ]
}

@test "--exec of a command that fails, is killed, or is missing" {
	for command in "sh -c 'cat $IN/noise; exit 7'" "sh -c 'kill -9 \$\$'" "false" "$PWD/no-such-command" "no-such-command"; do
		run -4 --separate-stderr bash -c "hexz-chunk --exec -- $command | hexz-compress | hexz-seal -v -o a.hxz"
		[[ $stderr == *"hexz-seal: "*"upstream hexz-chunk failed: "* ]] || fail "$command: $stderr"
		run -1 bash -c "hexz-chunk --exec -- $command >out.hxs"
		unsound out.hxs
	done
	only out.hxs
	run -2 hexz-chunk --exec
	run -2 hexz-chunk --exec "$IN/one" -- cat
}

@test "a given dictionary" {
	# The frame of a trained one holds it: [4, id, bytes].
	hexz-chunk --avg 1K "$IN/records.json" | hexz-compress -b 2K --train-dict=16K >with.hxs
	"$PYTHON" -c 'import msgpack, sys
for f in msgpack.Unpacker(open("with.hxs", "rb"), max_buffer_size=0):
    if f[0] == 4: open("dict", "wb").write(f[2])'
	[ -s dict ]
	hexz-chunk --avg 1K a="$IN/records.json" b="$IN/one" | hexz-compress -b 2K --dict dict | hexz-seal -o a.hxz
	hexz-cat --stream a a.hxz | cmp - "$IN/records.json"
	hexz-verify a.hxz
	run -2 hexz-compress --dict dict -c lz4
	run -2 hexz-compress --dict dict --train-dict
	run --separate-stderr hexz-compress --dict "$IN/records.json" <with.hxs
	[ "$status" -ne 0 ]
	one_error hexz-compress
	run -1 hexz-compress --dict missing <with.hxs
}
