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

@test "the same: exit 0; different: exit 1; trouble: exit 2" {
	run -0 --separate-stderr hexz-diff "$D/a.hxz" "$D/a.hxz"
	[[ $output == *identical* && -z $stderr ]]
	run -1 --separate-stderr hexz-diff "$D/a.hxz" "$D/b.hxz"
	[[ $output == *"differs at"* && -z $stderr ]] || fail "$output $stderr"
	run -2 --separate-stderr hexz-diff "$D/a.hxz" missing.hxz
	one_error hexz-diff
	run -2 --separate-stderr hexz-diff "$D/a.hxz"
	one_error hexz-diff
	run -2 --separate-stderr hexz-diff --no-such-flag "$D/a.hxz" "$D/a.hxz"
	one_error hexz-diff
	run -2 --separate-stderr hexz-diff --stream other "$D/a.hxz" "$D/b.hxz"
	one_error hexz-diff
	run -2 --separate-stderr bash -c 'cat "$D/a.hxz" | hexz-diff - "$D/a.hxz"'
	one_error hexz-diff
	# Damage of any kind, wherever it is.
	cp "$D/a.hxz" bad.hxz
	poke bad.hxz $(($(size bad.hxz) - 100))
	head -c 500000 "$D/a.hxz" >cut.hxz
	for bad in bad.hxz cut.hxz "$D/a"; do
		run -2 --separate-stderr hexz-diff "$D/a.hxz" "$bad"
		one_error hexz-diff
		[[ $stderr == "hexz-diff: $bad: "* && -z $output ]] || fail "$output $stderr"
	done
	hexz-chunk --avg 8K "$D/a" | hexz-compress -c none | hexz-seal -o small.hxz
	poke small.hxz 300000
	run -2 --separate-stderr hexz-diff "$D/a.hxz" small.hxz
	[[ $stderr == "hexz-diff: small.hxz: "*damaged* ]] || fail "$stderr"
}

@test "-q prints nothing" {
	run -0 hexz-diff -q "$D/a.hxz" "$D/a.hxz"
	[ -z "$output" ]
	run -1 hexz-diff -q "$D/a.hxz" "$D/b.hxz"
	[ -z "$output" ]
	run -1 hexz-diff -q "$D/c.hxz" "$D/b.hxz"
	[ -z "$output" ]
	run -2 --separate-stderr hexz-diff -q --json "$D/c.hxz" "$D/b.hxz"
	one_error hexz-diff
	[ -z "$output" ]
	run -2 --separate-stderr hexz-diff -q "$D/a.hxz" missing.hxz
	one_error hexz-diff
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
	hexz-diff --json "$D/a.hxz" "$D/c.hxz" >diff.json || [ $? -eq 1 ]
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
	run -1 hexz-diff "$D/a.hxz" "$D/c.hxz"
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

@test "only the index is read, unless content has to be compared" {
	cp "$D/b.hxz" b.hxz
	dd if=/dev/zero of=b.hxz bs=1000 seek=100 count=800 conv=notrunc status=none
	[ "$(ranges "$D/a.hxz" b.hxz)" = "$(ranges "$D/a.hxz" "$D/b.hxz")" ]
	run -2 hexz-diff --exact "$D/a.hxz" b.hxz
}

@test "zeros and holes are the same, and so is what dedup and codecs make of it" {
	cat "$IN/sparse" >full
	pack "$IN/sparse" sparse.hxz
	hexz-chunk full | hexz-seal -o full.hxz
	hexz-diff sparse.hxz full.hxz
	printf x | dd of=full bs=1 seek=2000000 conv=notrunc status=none
	pack full full.hxz
	[ "$(ranges --exact sparse.hxz full.hxz)" = "[[2000000,1]]" ]
	[ "$(ranges --exact full.hxz sparse.hxz)" = "[[2000000,1]]" ]
	# An end that is a hole is a difference all the same.
	truncate -s +1T full
	pack full long.hxz
	[ "$(ranges full.hxz long.hxz)" = "[[8388608,1099511627776]]" ]
	# A stage of others need not know of zeros.
	hexz-chunk "$D/a" | hexz-compress -c lz4 | hexz-seal -o lz4.hxz
	hexz-diff "$D/a.hxz" lz4.hxz
	hexz-diff "$D/a.hxz" "$D/a.hxz" | grep -q "chunks only in B  *0, 0 B"
}

@test "several streams are compared by name" {
	hexz-chunk one="$D/a" two="$D/b" three="$IN/one" empty="$IN/empty" | hexz-dedup | hexz-seal -o a.hxz
	hexz-chunk empty="$IN/empty" two="$D/c" four="$IN/one" one="$D/a" | hexz-dedup | hexz-seal -o b.hxz
	run -1 hexz-diff --json a.hxz b.hxz
	[ "$(jq -c '.streams | map([.name, .identical, .size_a, .size_b])' <<<"$output")" = \
		'[["one",true,1048583,1048583],["two",false,1048584,1048591],["three",false,1,null],["empty",true,0,0],["four",false,null,1]]' ] || fail "$output"
	hexz-diff --stream one a.hxz b.hxz
	hexz-diff --stream empty a.hxz b.hxz
	run -1 hexz-diff --stream two a.hxz b.hxz
	run -1 hexz-diff --stream three a.hxz b.hxz
	[[ $output == *'stream "three": only in A, 1 byte'* ]] || fail "$output"
	run -1 hexz-diff a.hxz b.hxz
	[[ $output == *'stream "four": only in B, 1 byte'* ]] || fail "$output"
}

@test "thin archives, with their parents and without, and encrypted ones" {
	mkdir base
	cp "$D/a.hxz" base/
	hexz-chunk "$D/b" | hexz-dedup --parent base/a.hxz | hexz-compress | hexz-seal -o thin.hxz
	# The index tells enough.
	[ "$(ranges "$D/a.hxz" thin.hxz)" = "$(ranges "$D/a.hxz" "$D/b.hxz")" ]
	hexz-diff thin.hxz "$D/b.hxz"
	pack "$D/b" other.hxz --avg 8K
	run -2 --separate-stderr hexz-diff other.hxz thin.hxz
	one_error hexz-diff
	[[ $stderr == "hexz-diff: thin.hxz: "*"parent archive is missing"*"hint: "*"--parent FILE"* ]] || fail "$stderr"
	hexz-diff --parent-dir base other.hxz thin.hxz
	HEXZ_PATH=base hexz-diff other.hxz thin.hxz

	for name in a b; do
		hexz-keygen encrypt -o $name.key >$name.pub
		hexz-unseal "$D/$name.hxz" | hexz-seal -R $name.pub -o $name.hxz
	done
	[ "$(ranges -i a.key -i b.key a.hxz b.hxz)" = "$(ranges "$D/a.hxz" "$D/b.hxz")" ]
	hexz-diff -i a.key a.hxz "$D/a.hxz"
	run -2 --separate-stderr hexz-diff -i a.key a.hxz b.hxz
	one_error hexz-diff
	run -2 --separate-stderr hexz-diff a.hxz b.hxz
	[[ $stderr == *encrypted*"hint: "* ]] || fail "$stderr"
}
