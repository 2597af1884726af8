# hexz-inspect tells the truth, and reads no more than it needs.

load helper

# sum FIELD of JSON lines.
sum() { jq -s "map(.$1) | add // 0"; }

@test "references: a doubled input" {
	{ cat "$IN/tree.tar" "$IN/tree.tar"; } >in
	# Fixed chunks align only if the half is a multiple of them, as in a tar.
	[ $(($(size "$IN/tree.tar") % 512)) -eq 0 ]
	hexz-chunk --chunker fixed --size 512 in | hexz-dedup | hexz-seal -o a.hxz
	hexz-inspect --json a.hxz >a.json
	[ "$(jq '.ref.bytes + .data.bytes + .zero.bytes' a.json)" -eq "$(size in)" ]
	[ "$(jq '.ref.bytes >= .data.bytes' a.json)" = true ]
	[ "$(jq '.data.bytes == .raw_bytes' a.json)" = true ]
	[ "$(jq '.dedup_ratio >= 2' a.json)" = true ]
	# Each distinct block that is not zero is one data chunk.
	want=$("$PYTHON" -c '
d = open("in", "rb").read()
print(len({d[i:i + 512] for i in range(0, len(d), 512)} - {bytes(512)}))')
	have=$(jq .data.n a.json)
	# Runs of zeros shorter than 4 KiB are chunks like others.
	[ $((have - want)) -eq 0 ] || [ $((have - want)) -eq 1 ] || fail "$have data chunks, $want distinct blocks"
}

@test "--chunks and --segments add up, in text and JSON" {
	hexz-chunk a="$IN/sparse" b="$IN/twice" c="$IN/empty" | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	hexz-inspect --json a.hxz >a.json
	hexz-inspect --json --chunks a.hxz >chunks
	hexz-inspect --json --segments a.hxz >segments
	[ "$(wc -l <segments)" -eq "$(jq .segments a.json)" ]
	[ "$(wc -l <chunks)" -eq "$(jq '.data.n + .ref.n + .zero.n + .hole.n' a.json)" ]
	[ "$(sum bytes <chunks)" -eq "$(jq .bytes a.json)" ]
	[ "$(sum bytes <segments)" -eq "$(jq .bytes a.json)" ]
	[ "$(sum raw_bytes <segments)" -eq "$(jq .raw_bytes a.json)" ]
	[ "$(sum entries <segments)" -eq "$(wc -l <chunks)" ]
	for kind in data ref zero hole; do
		[ "$(jq -s -c --arg k $kind 'map(select(.kind == $k)) | {n: length, bytes: (map(.bytes) | add // 0)}' chunks)" = "$(jq -c .$kind a.json)" ]
	done
	# Each begins where the one before it ends.
	for list in chunks segments; do
		[ "$(jq -s 'group_by(.stream) | map(reduce .[] as $c (0; if $c.offset == . then . + $c.bytes else error("gap") end)) | add' $list)" -eq "$(jq .bytes a.json)" ]
	done
	# The frames lie one behind the other, apart from the few that are not segments.
	[ "$(jq -s 'reduce .[] as $s (0; if $s.position >= . then $s.position + $s.frame_bytes else error("overlap") end)' segments)" -lt "$(size a.hxz)" ]
	# Text has the same fields under a heading.
	hexz-inspect --chunks a.hxz | tail -n +2 | cmp - <(jq -r '[.stream, .offset, .bytes, .kind, .hash // "-", .ordinal // "-", .parent // "-", .level // "-", .parent_stream // "-", .parent_offset // "-"] | map(tostring) | join("\t")' chunks)
	hexz-inspect --segments a.hxz | tail -n +2 | cmp - <(jq -r '[.stream, .offset, .bytes, .entries, .raw_bytes, .position, .frame_bytes] | map(tostring) | join("\t")' segments)
}

@test "ordinals count the data chunks, and references name earlier ones" {
	hexz-chunk "$IN/twice" | hexz-dedup | hexz-seal -o a.hxz
	hexz-inspect --json --chunks a.hxz >chunks
	[ "$(jq -s -c 'map(select(.kind == "data").ordinal) | . == [range(length)]' chunks)" = true ]
	[ "$(jq -s 'map(select(.kind == "data").hash) as $h | map(select(.kind == "ref")) | length > 0 and all($h[.ordinal] == .hash)' chunks)" = true ]
	# Dedup changes no hash.
	hexz-chunk "$IN/twice" | hexz-inspect --json --chunks | jq -c '[.offset, .hash]' | cmp - <(jq -c '[.offset, .hash]' chunks)
}

@test "an archive in a file, from stdin and from a pipe, and its stream" {
	hexz-chunk --digest sha256 "$IN/twice" | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	for form in "" --chunks --segments; do
		hexz-inspect --json $form a.hxz >want
		hexz-inspect --json $form <a.hxz | cmp - want
		if [ -z "$form" ]; then
			cat a.hxz | hexz-inspect --json | cmp - want
			# A stream has no id, and is shorter.
			less='del(.id, .kind, .stored_bytes, .total_ratio)'
			hexz-unseal a.hxz | hexz-inspect --json | jq "$less" | cmp - <(jq "$less" want)
		else
			# The ordinals of references are known from the index only.
			cat a.hxz | hexz-inspect --json $form | jq -c 'del(.ordinal)' | cmp - <(jq -c 'del(.ordinal)' want)
		fi
	done
	[ "$(hexz-unseal a.hxz | hexz-inspect --json | jq -c '[.kind, .id]')" = '["stream",null]' ]
}

@test "stages, codecs and parameters" {
	hexz-chunk --avg 8K "$IN/tree.tar" | hexz-dedup | hexz-compress -c lz4 -l 9 -b 64K | hexz-seal -o a.hxz
	[ "$(hexz-inspect --json a.hxz | jq -c '.stages | map(.stage)')" = '["hexz-chunk","hexz-dedup","hexz-compress"]' ]
	[ "$(hexz-inspect --json a.hxz | jq -c '.stages[2] | [.codec, .level, .block]')" = '["lz4",9,65536]' ]
	[ "$(hexz-inspect --json a.hxz | jq -c '.streams[0].chunker | [.name, .min, .avg, .max]')" = '["fastcdc-v1",2048,8192,32768]' ]
	[ "$(hexz-inspect --json a.hxz | jq '[.codecs[].n] | add')" -le "$(hexz-inspect --json a.hxz | jq .segments)" ]
	[ "$(hexz-inspect --json a.hxz | jq '[.codecs[].bytes] | add == 0 + '"$(hexz-inspect --json a.hxz | jq .payload_bytes)")" = true ]
	hexz-inspect a.hxz | grep -q "fastcdc-v1 avg=8192 max=32768 min=2048"
	hexz-inspect a.hxz | grep -q "^content .*($(size "$IN/tree.tar") bytes)"
}

@test "chunk sizes are within the bounds that were given" {
	hexz-chunk --min 2K --avg 8K --max 16K "$IN/noise" | hexz-inspect --json --chunks >chunks
	[ "$(jq -s '.[:-1] | all(.bytes >= 2048 and .bytes <= 16384)' chunks)" = true ]
	[ "$(jq -s 'map(.bytes) | add / length | . > 4096 and . < 16384' chunks)" = true ]
	hexz-chunk --min 2K --avg 8K --max 16K "$IN/noise" | hexz-inspect --json |
		jq -e '[.chunk_sizes[].n] | add == '"$(wc -l <chunks)"
}

@test "an archive is a sequence of msgpack values, with the kinds that the format names" {
	hexz-chunk a="$IN/sparse" b="$IN/twice" | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	"$PYTHON" - <<-'END'
		import msgpack
		values = list(msgpack.Unpacker(open("a.hxz", "rb"), max_buffer_size=0))
		kinds = [v[0] for v in values[:-1]]
		assert values[0][:3] == [0, "hexz", 1], values[0]
		assert kinds[0] == 0 and kinds.count(2) == kinds.count(5) == 2, kinds
		end = kinds.index(6)
		assert set(kinds[1:end]) == {2, 3, 5}, kinds
		assert min(kinds[end + 1:]) >= 16 and max(kinds) < 128, kinds
		assert isinstance(values[-1], bytes) and len(values[-1]) == 62, values[-1]
		assert open("a.hxz", "rb").read(7) == b"\x95\0\xa4hexz"
		# Segments follow each other without a gap, and payloads have the length that is said.
		at = 0
		for v in values[:end]:
		    if v[0] == 2: at = 0
		    if v[0] == 3:
		        assert v[2] == at, (v[2], at)
		        at += sum(e[1] for e in v[3])
		        assert v[5] == sum(e[1] for e in v[3] if e[0] == 0)
		        assert v[4] != "none" or len(v[6]) == v[5]
	END
}

@test "what is missing or cut" {
	hexz-chunk "$IN/noise" >a.hxs
	run -4 --separate-stderr bash -c 'head -c 100000 a.hxs | hexz-inspect --json'
	[ -z "$output" ]
	one_error hexz-inspect
	run -4 --separate-stderr bash -c 'hexz-chunk --exec -- false 2>/dev/null | hexz-inspect'
	[[ $stderr == *"upstream hexz-chunk failed"* ]]
	[ -z "$output" ]
}
