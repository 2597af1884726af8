# Thin archives, which take chunks from parents.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	mkdir in
	cp "$IN/noise" in/v0
	for n in {1..9}; do
		# Each version has some other bytes than the one before.
		cp in/v$((n - 1)) in/v$n
		noise 3000 "$n" | dd of=in/v$n bs=1 seek=$((n * 100000)) conv=notrunc status=none
	done
	pack in/v0 base.hxz
	hexz-inspect --export-index -o base.hxi base.hxz
	export T=$PWD V=$PWD/in
}

# thin IN OUT PARENT...: the pipeline with parents.
thin() {
	local in=$1 out=$2 parents=()
	shift 2
	for file; do parents+=(--parent "$file"); done
	hexz-chunk "$in" | hexz-dedup "${parents[@]}" | hexz-compress | hexz-seal -o "$out"
}

# id FILE: the id of an archive.
id() { hexz-inspect --json "$1" | jq -r .id; }

# parents FILE: the hints of an archive, one a line.
parents() { hexz-inspect --json "$1" | jq -r '.parents[].hint'; }

# edit STATEMENT: passes on a chunk stream; the statement of Python may change each frame.
edit() {
	"$PYTHON" -c '
import msgpack, sys
n = 0
for frame in msgpack.Unpacker(sys.stdin.buffer, max_buffer_size=1 << 28):
    exec(sys.argv[1])
    sys.stdout.buffer.write(msgpack.packb(frame))' "$1"
}

# An entry of kind 4 is [4, length, hash, parent, ordinal]. FIRST changes the tenth of them.
FIRST='
if frame[0] == 3:
    for e in frame[3]:
        if e[0] == 4:
            n += 1
            if n == 10: '

@test "a chain of ten: every version is restored, and hexz-inspect draws it" {
	cp "$T/base.hxz" v0.hxz
	for n in {1..9}; do
		thin "$V/v$n" v$n.hxz v$((n - 1)).hxz
		hexz-cat v$n.hxz | cmp - "$V/v$n" || fail "version $n"
	done
	hexz-verify v9.hxz
	hexz-inspect --chain v9.hxz >chain
	# Each id stands there in full once.
	for n in {0..9}; do
		[ "$(grep -c "$(id v$n.hxz)" chain)" -eq 1 ] || fail "v$n: $(cat chain)"
		grep -q "$(id v$n.hxz)  v$n.hxz: .* stored, .* of own data" chain
	done
	[ "$(head -1 chain)" = "$(grep "$(id v9.hxz)" chain)" ]
	[ "$(grep -c ' taken' chain)" -eq 45 ] || fail "$(cat chain)"
	[ "$(grep -c missing chain)" -eq 0 ]
	hexz-inspect --chain --json v9.hxz >chain.json
	[ "$(jq -c '[.version, (.archives | length), (.archives | map(.id) | unique | length)]' chain.json)" = '[1,10,10]' ]
	[ "$(jq '.archives[0] | .data.bytes + (.parents | map(.taken.bytes + .nodes.bytes) | add)' chain.json)" -eq "$(size "$V/v9")" ]
	[ "$(jq -r '.archives[1] | .path, .hint, .stored_bytes' chain.json)" = $'v8.hxz\nv8.hxz\n'"$(size v8.hxz)" ]
	# What is missing is told, and is an error if it is needed.
	rm v4.hxz
	run -1 --separate-stderr hexz-inspect --chain v9.hxz
	[ "$(grep -c "v4.hxz: missing, .* taken" <<<"$output")" -eq 1 ]
	[ "$(grep -c missing <<<"$output")" -eq 1 ]
	one_error hexz-inspect
	[[ $stderr == *'parent archive is missing: '*'"v4.hxz"'* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-inspect --chain --json v9.hxz
	[ "$(jq -c '.archives | map(select(.missing)) | map(.hint)' <<<"$output")" = '["v4.hxz"]' ]
	hexz-inspect --chain v3.hxz >chain
	# An archive without parents is one line.
	[ "$(hexz-inspect --chain v0.hxz | wc -l)" -eq 1 ]
}

@test "a hint with a slash is followed only if that is allowed" {
	mkdir a b
	cp "$T/base.hxz" a/base.hxz
	for hint in ../a/base.hxz "$PWD/a/base.hxz"; do
		hexz-chunk "$V/v1" | hexz-dedup --parent a/base.hxz |
			edit "if frame[0] == 1: frame[3] = '$hint'" | hexz-seal -o b/next.hxz
		[ "$(parents b/next.hxz)" = "$hint" ]
		run -1 --separate-stderr hexz-cat b/next.hxz
		[[ $stderr == *"parent archive is missing"*"$hint"* ]] || fail "$stderr"
		hexz-cat --follow-hints b/next.hxz | cmp - "$V/v1"
		run -1 hexz-inspect --chain b/next.hxz
		[[ $output == *"base.hxz: missing"* ]] || fail "$output"
		hexz-inspect --chain --follow-hints b/next.hxz | grep -q "base.hxz: .* stored"
	done
}

@test "encrypted parents, each with keys of its own" {
	for name in a b c; do hexz-keygen encrypt -o $name.key >$name.pub; done
	hexz-chunk "$V/v0" | hexz-dedup | hexz-compress | hexz-seal -R a.pub -o base.hxz
	run -1 --separate-stderr bash -c 'hexz-chunk "$V/v1" | hexz-dedup --parent base.hxz >out.hxs'
	[[ $stderr == *encrypted* ]] || fail "$stderr"
	hexz-chunk --like base.hxz -i a.key "$V/v1" | hexz-dedup -i a.key --parent base.hxz | hexz-compress |
		hexz-seal -R b.pub --check-parents . -i a.key -o next.hxz
	[ "$(size next.hxz)" -lt $(($(size base.hxz) / 5)) ]
	hexz-cat -i a.key -i b.key next.hxz | cmp - "$V/v1"
	hexz-verify -i a.key -i b.key next.hxz
	# With one key there is one half.
	run -1 --separate-stderr hexz-cat -i b.key next.hxz
	[[ $stderr == *"$(id base.hxz)"* ]] || fail "$stderr"
	run -1 hexz-cat -i a.key next.hxz
	run -1 --separate-stderr hexz-cat -i c.key next.hxz
	# So does the chain: it tells what it can.
	run -1 --separate-stderr hexz-inspect --chain next.hxz
	[[ $stderr == *"the archive is encrypted"* ]] || fail "$stderr"
	hexz-inspect --chain -i b.key next.hxz | grep "$(id base.hxz)" >line
	grep -q "base.hxz: .* stored, .* taken" line
	[ "$(grep -c "own data" line)" -eq 0 ]
	hexz-inspect --chain -i a.key -i b.key next.hxz | grep "$(id base.hxz)" | grep -q "own data"
	# A plain archive on an encrypted one.
	hexz-unseal -i b.key next.hxz | hexz-seal -o plain.hxz
	hexz-cat -i a.key plain.hxz | cmp - "$V/v1"
	# Seal looks into the parent, or says that it cannot.
	run -1 --separate-stderr hexz-seal --check-parents . -i c.key -o out.hxz plain.hxz
	[[ $stderr == *"hexz-seal: "*"base.hxz"* ]] || fail "$stderr"
	[ ! -e out.hxz ]
}

@test "references that were tampered with are refused, and leave no archive" {
	mkdir dir
	cp "$T/base.hxi" dir/
	hexz-chunk "$V/v1" | hexz-dedup --parent "$T/base.hxi" >thin.hxs
	edit "" <thin.hxs | hexz-seal --check-parents dir -o ok.hxz
	cmp ok.hxz <(hexz-seal thin.hxs)
	# Roots cover hash and length; so these streams are sound without a look at the parent.
	for change in 'e[4] += 1' 'e[4] = 0' 'e[4] = 1000000'; do
		edit "$FIRST$change" <thin.hxs >bad.hxs
		hexz-seal -o bad.hxz bad.hxs
		run -3 --separate-stderr hexz-seal --check-parents dir -o out.hxz bad.hxs
		one_error hexz-seal
		[[ $stderr == *'stream "disk", chunk at offset '*"$(id "$T/base.hxz")"* ]] || fail "$change: $stderr"
		[ ! -e out.hxz ]
		run -3 hexz-cat --parent "$T/base.hxz" bad.hxz
	done
	run -1 --separate-stderr hexz-seal --check-parents . -o out.hxz thin.hxs
	one_error hexz-seal
	[[ $stderr == *"$(id "$T/base.hxz")"*'"base.hxz"'*"*.hxz"*"*.hxi"*"hint: "*--export-index* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-seal --check-parents nowhere -o out.hxz thin.hxs
	one_error hexz-seal
	run -2 hexz-seal --check-parents '' -o out.hxz thin.hxs
	[ ! -e out.hxz ]
}

@test "--like: the stream of the same name, or the first" {
	# Nothing covers what an Open frame says of cuts, so one stream can be relabelled.
	hexz-chunk --avg 8K a="$IN/one" b="$IN/one" |
		edit "if frame[0] == 2 and frame[2] == 'b': frame[4] = {'name': 'fixed-v1', 'size': 5000}" | hexz-seal -o two.hxz
	hexz-chunk --like two.hxz b="$V/v0" | cmp - <(hexz-chunk --chunker fixed --size 5000 b="$V/v0")
	hexz-chunk --like two.hxz c="$V/v0" | cmp - <(hexz-chunk --avg 8K c="$V/v0")
	hexz-chunk --like two.hxz a="$V/v0" c="$V/v1" | cmp - <(hexz-chunk --avg 8K a="$V/v0" c="$V/v1")
	run -1 --separate-stderr hexz-chunk --like two.hxz a="$V/v0" b="$V/v1"
	one_error hexz-chunk
	[[ $stderr == *"cut in different ways"* ]] || fail "$stderr"
}

@test "--like: what this version does not have" {
	for chunker in "{'name': 'rabin-v1', 'avg': 8192}" "{'name': 'fixed-v1', 'size': 5000, 'phase': 3}" \
		"{'name': 'fixed-v1'}" "{'name': 'fixed-v1', 'size': 1 << 40}" "{'name': 'fastcdc-v1', 'min': 1, 'avg': 2, 'max': 3}" "{'name': 5}"; do
		hexz-chunk "$IN/one" | edit "if frame[0] == 2: frame[4] = $chunker" | hexz-seal -o odd.hxz
		run -1 --separate-stderr hexz-chunk --like odd.hxz "$V/v0"
		one_error hexz-chunk
		[[ $stderr == *"odd.hxz"*"this version does not have"* ]] || fail "$chunker: $stderr"
	done
}
