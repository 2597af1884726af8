#!/usr/bin/env bats
# Keyed chunking, and the same cuts for any number of threads.

load helper

KEY='AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='

# chunks FILE: lengths and hashes of its chunks.
chunks() { hexz-inspect --chunks "$1"; }

# chunker FILE: what the stream says of its cuts.
chunker() { hexz-inspect --json "$1" | jq -cS '.streams[0].chunker'; }

make_key() { { printf 'hexz-chunk-key-v1 '; head -c 32 /dev/urandom | base64; } >"$1"; }

@test "the stream has an identifier of the key, and not the key" {
	echo "hexz-chunk-key-v1 $KEY" >a.key
	pack "$IN/sparse" a.hxz --chunk-key-file a.key
	hexz-chunk --chunk-key-file a.key --stats stats -o a.hxs "$IN/sparse"
	# 02e2815bd24b7d04, as base64 in JSON.
	[[ $(chunker a.hxz) == *'"key-id":'* ]] || fail "$(chunker a.hxz)"
	[ "$(hexz-chunk "$IN/sparse" | hexz-inspect --json | jq '.streams[0].chunker | has("key-id")')" = false ]
	for file in a.hxz a.hxs; do
		xxd -p "$file" | tr -d '\n' >hex
		grep -q 02e2815bd24b7d04 hex || fail "$file: no identifier"
	done
	cat a.hxz a.hxs stats <(hexz-inspect a.hxz) <(hexz-inspect --json a.hxz) >all
	xxd -p all | tr -d '\n' >hex
	run -1 grep -c 000102030405060708090a0b0c0d0e0f hex
	run -1 grep -ciF 000102030405060708090a0b0c0d0e0f all
	run -1 grep -cF "${KEY:0:20}" all
}

@test "a key file that is missing, unreadable or malformed: exit 1, and nothing of it is told" {
	make_key a.key
	cat a.key a.key >two.key
	tr -d = <a.key >bare.key
	tail -c 46 a.key >raw.key
	{ cat a.key; head -c 5000 /dev/zero | tr '\0' '#'; } >long.key
	head -c 32 /dev/urandom >binary.key
	: >empty.key
	mkdir dir.key
	for key in two bare raw long binary empty dir missing; do
		run -1 --separate-stderr hexz-chunk --chunk-key-file $key.key -o out.hxs "$IN/one"
		one_error hexz-chunk
		[ ! -e out.hxs ] || fail "$key: there is an output"
		[[ $stderr == *"$key.key"* ]] || fail "$key: $stderr"
		[[ $stderr != *"$(cut -c 19-50 a.key)"* ]] || fail "$key: $stderr"
	done
	# Downstream is told.
	run -4 bash -c 'hexz-chunk --chunk-key-file missing.key "$IN/one" | hexz-seal -o out.hxz'
	[ ! -e out.hxz ]
}

@test "the same stream for any number of threads" {
	make_key a.key
	cat "$IN/twice" "$IN/tree.tar" "$IN/sparse" "$IN/records.json" >big
	for options in "" "--avg 1K" "--min 64 --avg 64 --max 64K" "--chunk-key-file a.key" "--chunker fixed"; do
		# shellcheck disable=SC2086
		hexz-chunk -T 1 $options big "sparse=$IN/sparse" >want.hxs
		for threads in 2 3 4 8; do
			# shellcheck disable=SC2086
			hexz-chunk -T $threads $options big "sparse=$IN/sparse" | cmp - want.hxs || fail "-T $threads $options"
		done
		# shellcheck disable=SC2086
		cat big | hexz-chunk -T 4 $options - "sparse=$IN/sparse" | chunks - >piped
		chunks want.hxs | cmp - piped || fail "from a pipe: $options"
	done
}
