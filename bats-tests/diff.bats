# hexz-diff says what cmp says, with the exit codes of diff.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	cp "$IN/noise" a
	cp a b
	printf changed | dd of=b bs=1 seek=500000 conv=notrunc status=none
	printf x >>b
	{ head -c 300000 a; printf inserted; tail -c +300001 a; } >c
	for name in a b c; do pack $name $name.hxz; done
	export D=$PWD
}

# ranges A B FLAG...: the ranges that differ, as offset and length.
ranges() { hexz-diff --json "$@" | jq -c '.streams | map(.ranges[] | [.offset, .length])'; }

# cmp_ranges A B: the same, from cmp. Ranges that lie less than 32 bytes apart are one.
cmp_ranges() {
	"$PYTHON" - "$@" <<-'END'
		import json, sys
		a, b = (open(f, "rb").read() for f in sys.argv[1:])
		out = []
		for i in range(max(len(a), len(b))):
		    if a[i:i + 1] != b[i:i + 1]:
		        if out and i - sum(out[-1]) < 32: out[-1][1] = i + 1 - out[-1][0]
		        else: out.append([i, 1])
		print(json.dumps(out, separators=(",", ":")))
	END
}

@test "ranges have bounds of chunks, or with --exact those of cmp" {
	for pair in "a b" "b a" "a c" "c b"; do
		read -r x y <<<"$pair"
		[ "$(ranges --exact "$D/$x.hxz" "$D/$y.hxz")" = "$(cmp_ranges "$D/$x" "$D/$y")" ] || fail "$pair"
		hexz-diff --json "$D/$x.hxz" "$D/$y.hxz" >diff.json || [ $? -eq 1 ]
		{ hexz-inspect --json --chunks "$D/$x.hxz"; hexz-inspect --json --chunks "$D/$y.hxz"; } |
			jq -s 'map(.offset, .offset + .bytes) | unique' >bounds
		jq -e --slurpfile b bounds '.streams[0] | .exact == false and (.ranges | length > 0 and
			all(.offset as $o | .length as $n | ($b[0] | index($o)) and ($b[0] | index($o + $n))))' diff.json
		# Each range of cmp lies in one of those.
		cmp_ranges "$D/$x" "$D/$y" | jq -e --slurpfile d diff.json \
			'all(.[]; . as [$o, $n] | $d[0].streams[0].ranges | any(.offset <= $o and $o + $n <= .offset + .length))'
	done
}

@test "totals: chunks in both, wherever they are, and bytes at the same offset" {
	hexz-diff --totals --json "$D/a.hxz" "$D/c.hxz" >diff.json || [ $? -eq 1 ]
	[ "$(jq -c '[.version, .identical, (.streams | length)]' diff.json)" = '[1,false,1]' ]
	for f in a c; do hexz-inspect --json --chunks "$D/$f.hxz" | jq -r 'select(.hash) | "\(.hash) \(.bytes)"' | sort -u >$f; done
	sum() { awk '{ n++; s += $2 } END { printf "{\"n\":%d,\"bytes\":%d}\n", n, s }'; }
	[ "$(jq -c .totals.shared diff.json)" = "$(comm -12 a c | sum)" ]
	[ "$(jq -c .totals.only_a diff.json)" = "$(comm -23 a c | sum)" ]
	[ "$(jq -c .totals.only_b diff.json)" = "$(comm -13 a c | sum)" ]
	jq -e '.streams[0] | .equal_bytes + .differing_bytes == ([.size_a, .size_b] | max) and
		.differing_bytes == (.ranges | map(.length) | add) and .name == "disk" and .identical == false' diff.json
	# Behind the insertion nothing is in its place, but the chunks are there.
	jq -e '.streams[0].differing_bytes > 700000 and .totals.shared.bytes > 900000' diff.json
	run -1 hexz-diff --totals "$D/a.hxz" "$D/c.hxz"
	[[ $output == *"chunks in both "*"chunks only in A "*"chunks only in B "* ]]
}

@test "streams that were cut in another way are compared by content" {
	for options in "--avg 8K" "--chunker fixed --size 4K"; do
		for f in a b c; do
			# shellcheck disable=SC2086
			pack "$D/$f" other.hxz $options
			[ "$(ranges "$D/a.hxz" other.hxz)" = "$(cmp_ranges "$D/a" "$D/$f")" ] || fail "$f $options"
			[ "$(hexz-diff --json "$D/a.hxz" other.hxz | jq '.streams[0].exact')" = true ]
		done
	done
	for name in a b; do hexz-keygen chunk -o $name.key; done
	pack "$D/a" a.hxz --chunk-key-file a.key
	pack "$D/a" b.hxz --chunk-key-file b.key
	hexz-diff a.hxz b.hxz
	hexz-diff -q "$D/a.hxz" b.hxz
	# The same key is the same cuts.
	pack "$D/b" b.hxz --chunk-key-file a.key
	[ "$(hexz-diff --json a.hxz b.hxz | jq -c '.streams | map(.exact)')" = '[false]' ]
}
