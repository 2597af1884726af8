# Several streams, ranges, the order of stages, commands, digests and dictionaries.

load helper

two_streams() {
	hexz-chunk disk="$IN/sparse" memory="$IN/tree.tar" | hexz-dedup | hexz-compress | hexz-seal -o vm.hxz
}

@test "two streams of one archive" {
	two_streams
	hexz-verify vm.hxz
	hexz-cat --stream disk vm.hxz | cmp - "$IN/sparse"
	hexz-cat --stream memory vm.hxz | cmp - "$IN/tree.tar"
	hexz-unseal vm.hxz | hexz-cat --stream disk | cmp - "$IN/sparse"
	hexz-unseal vm.hxz | hexz-cat --stream memory | cmp - "$IN/tree.tar"
	[ "$(hexz-inspect --json vm.hxz | jq -c '[.streams[].name]')" = '["disk","memory"]' ]
}

@test "chunks are shared between streams" {
	hexz-chunk a="$IN/noise" b="$IN/noise" c="$IN/twice" | hexz-dedup | hexz-seal -o a.hxz
	[ "$(size a.hxz)" -lt $(($(size "$IN/noise") * 11 / 10)) ]
	hexz-cat --stream b a.hxz | cmp - "$IN/noise"
	hexz-cat --stream c <a.hxz | cmp - "$IN/twice"
}

@test "without a choice among streams: exit 2, nothing written, and their names" {
	two_streams
	run -2 --separate-stderr hexz-cat vm.hxz
	[ -z "$output" ]
	[[ $stderr == *'"disk"'*'"memory"'*"--stream"* ]]
	run -2 --separate-stderr hexz-cat --stream swap -o out vm.hxz
	[[ $stderr == *'there is no stream "swap"; there are "disk", "memory"'* && $stderr != *"name it by"* ]] || fail "$stderr"
	[[ $stderr == *'"swap"'*'"disk"'*'"memory"'* ]]
	only vm.hxz
}

@test "without a choice among streams of a pipe: exit 2, and their names" {
	two_streams
	run -2 --separate-stderr bash -c 'hexz-unseal vm.hxz | hexz-cat -o out'
	[[ $stderr == *'"disk"'*'"memory"'*"--stream"* ]]
	run -2 --separate-stderr bash -c 'hexz-unseal vm.hxz | hexz-cat --stream swap -o out'
	[[ $stderr == *'"swap"'*'"disk"'*'"memory"'* ]]
	only vm.hxz
}

@test "names of streams: two alike are refused, one of them without =, any text will do" {
	run -2 --separate-stderr hexz-chunk "$IN/one" "$IN/one"
	[[ $stderr == *"NAME"* || $stderr == *"name"* ]]
	run -2 --separate-stderr hexz-chunk a="$IN/one" a="$IN/one"
	run -2 hexz-chunk ="$IN/one"
	run -2 hexz-chunk --name '' "$IN/one"
	hexz-chunk --name 'größe 1' "$IN/one" x="$IN/empty" | hexz-seal -o a.hxz
	hexz-cat --stream 'größe 1' a.hxz | cmp - "$IN/one"
	hexz-cat --stream x a.hxz | cmp - "$IN/empty"
}

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

@test "a range of no bytes" {
	pack "$IN/noise" a.hxz
	for offset in 0 1000; do
		[ "$(hexz-cat --offset $offset --length 0 a.hxz | wc -c)" -eq 0 ]
		[ "$(hexz-cat --offset $offset --length 0 <a.hxz | wc -c)" -eq 0 ]
		[ "$(cat a.hxz | hexz-cat --offset $offset --length 0 | wc -c)" -eq 0 ]
	done
}

@test "a range that begins behind the end is an error" {
	pack "$IN/one" a.hxz
	for cat in "hexz-cat --offset 2 -o out a.hxz" "hexz-cat --offset 2 -o out <a.hxz" "hexz-unseal a.hxz | hexz-cat --offset 2 -o out"; do
		run --separate-stderr bash -c "$cat"
		[ "$status" -eq 1 ] || [ "$status" -eq 2 ] || fail "$cat: exit $status"
		[[ $stderr == *"1 byte"* ]] || fail "$cat: $stderr"
	done
	only a.hxz
}

@test "stages in another order" {
	in=$IN/twice
	hexz-chunk "$in" | hexz-compress | hexz-dedup | hexz-seal -o dedup-last.hxz
	hexz-chunk "$in" | hexz-dedup | hexz-dedup | hexz-compress -c s2 | hexz-compress -c lz4 | hexz-seal -o two.hxz
	hexz-chunk "$in" | hexz-dedup | hexz-compress | hexz-compress -d | hexz-seal -o undone.hxz
	hexz-chunk "$in" | hexz-seal | hexz-dedup | hexz-seal -o sealed-twice.hxz
	hexz-chunk "$in" | hexz-seal -o plain.hxz
	for archive in dedup-last two undone sealed-twice plain; do
		hexz-verify $archive.hxz || fail "$archive does not verify"
		hexz-cat $archive.hxz | cmp - "$in" || fail "$archive: another content"
		hexz-cat <$archive.hxz | cmp - "$in" || fail "$archive from stdin: another content"
	done
	[ "$(size dedup-last.hxz)" -lt $(($(size "$in") * 6 / 10)) ]
	[ "$(hexz-inspect --json two.hxz | jq -c '.codecs | keys')" != '["s2"]' ]
}

@test "compress -d gives the stream that was compressed" {
	# Segments are grouped anew by hexz-compress, so it is the second stream that must not change.
	hexz-chunk "$IN/tree.tar" | hexz-compress -c none >plain.hxs
	hexz-compress <plain.hxs | hexz-compress -d | hexz-inspect --chunks >chunks
	hexz-inspect --chunks plain.hxs | cmp - chunks
	[ "$(hexz-compress plain.hxs | hexz-compress -d | hexz-inspect --json | jq -c '.codecs | keys')" = '["none"]' ]
	hexz-compress plain.hxs | hexz-compress -d | hexz-cat | cmp - "$IN/tree.tar"
}

@test "the root of a stream does not depend on dedup, codec or segments" {
	root() { hexz-inspect --json | jq -r '.streams[].root'; }
	want=$(hexz-chunk "$IN/twice" | root)
	[ "$(hexz-chunk "$IN/twice" | hexz-dedup | root)" = "$want" ]
	[ "$(hexz-chunk "$IN/twice" | hexz-compress -c lz4 -b 1M | root)" = "$want" ]
	[ "$(hexz-chunk "$IN/twice" | hexz-dedup | hexz-compress | hexz-seal | root)" = "$want" ]
	[ "$(hexz-chunk --avg 8K "$IN/twice" | root)" != "$want" ]
}

@test "every stage reads an archive, by name and from stdin" {
	hexz-chunk "$IN/twice" | hexz-seal -o a.hxz
	for stage in hexz-dedup hexz-compress "hexz-compress -d" hexz-seal hexz-unseal; do
		$stage a.hxz >by-name
		$stage <a.hxz | cmp - by-name || fail "$stage <a.hxz"
		cat a.hxz | $stage - | cmp - by-name || fail "cat a.hxz | $stage -"
		hexz-cat <by-name | cmp - "$IN/twice" || fail "$stage: another content"
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

@test "digests of whole streams" {
	hexz-chunk --digest sha256,blake3 "$IN/sparse" | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	want=$(sha256sum <"$IN/sparse")
	[ "$(hexz-inspect --json a.hxz | jq -r '.streams[0].digests.sha256')  -" = "$want" ]
	[ "$(hexz-inspect --json a.hxz | jq -r '.streams[0].digests | keys | join(" ")')" = "blake3 sha256" ]
	hexz-inspect a.hxz | grep -qw "${want%  -}"
	hexz-verify a.hxz
	run -2 --separate-stderr hexz-chunk --digest crc32 "$IN/one"
	[[ $stderr == *sha256* ]]
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

@test "a dictionary is trained where it helps" {
	hexz-chunk --avg 1K "$IN/records.json" | hexz-compress -b 2K | hexz-seal -o without.hxz
	hexz-chunk --avg 1K "$IN/records.json" | hexz-compress -v -b 2K --train-dict 2>note | hexz-seal -o with.hxz
	grep -q "hexz-compress: a dictionary of [0-9]* bytes gained" note
	[ "$(size with.hxz)" -lt "$(size without.hxz)" ]
	hexz-verify with.hxz
	hexz-cat with.hxz | cmp - "$IN/records.json"
	hexz-cat <with.hxz | cmp - "$IN/records.json"
	hexz-cat --offset 1M --length 100 with.hxz | cmp - <(tail -c +1048577 "$IN/records.json" | head -c 100)
	# Stages behind it cope with the dictionary, or do away with it.
	hexz-dedup with.hxz | hexz-seal | hexz-cat | cmp - "$IN/records.json"
	hexz-compress -d with.hxz | hexz-cat | cmp - "$IN/records.json"
}

@test "no dictionary where it does not help" {
	hexz-chunk --avg 1K "$IN/noise" | hexz-compress -v -b 2K --train-dict=8K 2>note >a.hxs
	grep -q "hexz-compress: no dictionary" note
	hexz-cat a.hxs | cmp - "$IN/noise"
	hexz-chunk "$IN/empty" | hexz-compress --train-dict | hexz-cat | cmp - "$IN/empty"
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
