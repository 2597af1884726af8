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

@test "a thin archive is small, and is restored from file and pipe" {
	cp "$T/base.hxz" .
	thin "$V/v1" next.hxz base.hxz
	[ "$(size next.hxz)" -lt $(($(size base.hxz) / 5)) ]
	[ "$(parents next.hxz)" = base.hxz ]
	hexz-cat next.hxz | cmp - "$V/v1"
	hexz-cat --offset 100001 --length 5000 next.hxz | cmp - <(tail -c +100002 "$V/v1" | head -c 5000)
	cat next.hxz | hexz-cat --parent base.hxz | cmp - "$V/v1"
	hexz-verify next.hxz
	# A stream of it is as thin, and becomes the same archive again.
	hexz-unseal next.hxz | hexz-seal | cmp - next.hxz
	hexz-unseal next.hxz | hexz-cat --parent-dir . | cmp - "$V/v1"
	[ "$(hexz-inspect --json next.hxz | jq '.parent.n > 10 and .parent.bytes + .data.bytes == .bytes')" = true ]
	hexz-inspect next.hxz | grep -q "^parent .*$(id base.hxz) base.hxz"
}

@test "several parents: each chunk comes from the first that has it" {
	cp "$T/base.hxz" .
	noise 500000 other >other
	pack other other.hxz
	cat "$V/v1" other "$V/v0" >all
	thin all all.hxz other.hxz base.hxz
	[ "$(parents all.hxz)" = $'other.hxz\nbase.hxz' ]
	hexz-cat all.hxz | cmp - all
	hexz-verify all.hxz
	[ "$(hexz-inspect --json all.hxz | jq '.data.bytes < 0.2 * .bytes')" = true ]
	# The same chunks in another parent are not taken twice.
	cp base.hxz copy.hxz
	hexz-chunk "$V/v0" | hexz-dedup --parent base.hxz --parent copy.hxz | hexz-inspect --json >rep
	[ "$(jq -c '[.data.n, (.parents | length)]' rep)" = '[0,1]' ]
}

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
	[ "$(grep -c ' taken$' chain)" -eq 45 ] || fail "$(cat chain)"
	[ "$(grep -c missing chain)" -eq 0 ]
	hexz-inspect --chain --json v9.hxz >chain.json
	[ "$(jq -c '[.version, (.archives | length), (.archives | map(.id) | unique | length)]' chain.json)" = '[1,10,10]' ]
	[ "$(jq '.archives[0] | .data.bytes + (.parents | map(.taken.bytes) | add)' chain.json)" -eq "$(size "$V/v9")" ]
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

@test "a missing parent: exit 1, and its id, its hint and where it was looked for" {
	mkdir a b other
	cp "$T/base.hxz" a/base.hxz
	thin "$V/v1" b/next.hxz a/base.hxz
	id=$(id a/base.hxz)
	for tool in hexz-cat hexz-verify "hexz-unseal --flatten"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr $tool --parent-dir other b/next.hxz
		[[ $stderr == *"parent archive is missing"*"$id"*'"base.hxz"'*"other/*.hxz"*"b/*.hxz"* ]] || fail "$tool: $stderr"
	done
	run -1 --separate-stderr hexz-cat -o out b/next.hxz
	one_error hexz-cat
	[[ $stderr == *"hint: "*"--parent FILE"*"HEXZ_PATH"* ]] || fail "$stderr"
	[ ! -e out ]
	run -1 --separate-stderr bash -c 'hexz-cat <b/next.hxz >out'
	[[ $stderr == *"$id"*"nowhere"* ]] || fail "$stderr"
	# What needs no parent works.
	hexz-verify --level stored b/next.hxz
	hexz-inspect b/next.hxz | grep -q "$id"
}

@test "parents are found by --parent, --parent-dir, HEXZ_PATH and beside the archive, under any name" {
	mkdir a b c empty
	cp "$T/base.hxz" a/base.hxz
	thin "$V/v1" b/next.hxz a/base.hxz
	mv a/base.hxz a/renamed.hxz
	run -1 hexz-cat b/next.hxz
	hexz-cat --parent a/renamed.hxz b/next.hxz | cmp - "$V/v1"
	hexz-cat --parent-dir empty --parent-dir a b/next.hxz | cmp - "$V/v1"
	HEXZ_PATH=empty:a hexz-cat b/next.hxz | cmp - "$V/v1"
	HEXZ_PATH=a hexz-cat <b/next.hxz | cmp - "$V/v1"
	HEXZ_PATH=empty run -1 hexz-cat b/next.hxz
	cp b/next.hxz a/
	hexz-cat a/next.hxz | cmp - "$V/v1"
	# A file that has the name of the parent, and is another archive, is not taken for it.
	pack "$IN/one" b/base.hxz
	run -1 --separate-stderr hexz-cat b/next.hxz
	[[ $stderr == *"parent archive is missing"* ]] || fail "$stderr"
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

@test "--flatten makes an archive that needs no parent" {
	cp "$T/base.hxz" .
	thin "$V/v1" v1.hxz base.hxz
	thin "$V/v2" v2.hxz v1.hxz
	hexz-unseal --flatten v2.hxz | hexz-seal -o flat.hxz
	hexz-unseal --flatten --parent-dir . <v2.hxz | hexz-seal | cmp - flat.hxz
	rm base.hxz v1.hxz
	hexz-cat flat.hxz | cmp - "$V/v2"
	hexz-verify flat.hxz
	[ "$(hexz-inspect --json flat.hxz | jq -c '[.parent.n, .parents]')" = '[0,[]]' ]
	run -1 hexz-cat v2.hxz
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

@test "an exported index stands for the archive on another host" {
	mkdir here there
	cp "$T/base.hxz" here/
	hexz-inspect --export-index here/base.hxz | (cd there && cat >base.hxi)
	[ "$(size there/base.hxi)" -lt $(($(size here/base.hxz) / 50)) ]
	(cd there && hexz-chunk --like base.hxi "$V/v1" | hexz-dedup --parent base.hxi | hexz-compress) |
		tee wire | hexz-seal --check-parents here -o here/next.hxz
	[ "$(size wire)" -lt $(($(size here/base.hxz) / 5)) ]
	[ "$(parents here/next.hxz)" = base.hxz ]
	hexz-cat here/next.hxz | cmp - "$V/v1"
	# An index is enough to check, too, and the archive is the same.
	hexz-seal --check-parents there <wire | cmp - here/next.hxz
	# With -o, and from standard input if that is a file.
	hexz-inspect --export-index -o base.hxi <here/base.hxz
	cmp base.hxi there/base.hxi
	# An index has no content.
	run -3 --separate-stderr hexz-cat there/base.hxi
	run -3 hexz-verify there/base.hxi
}

@test "the index of an encrypted archive needs no key to be exported, and one to be used" {
	hexz-keygen encrypt -o a.key >a.pub
	mkdir dir
	hexz-chunk "$V/v0" | hexz-compress | hexz-seal -R a.pub -o base.hxz
	hexz-inspect --export-index -o dir/base.hxi base.hxz
	[ "$(strings dir/base.hxi | grep -c fastcdc)" -eq 0 ]
	run -1 --separate-stderr hexz-dedup --parent dir/base.hxi /dev/null
	[[ $stderr == *encrypted* ]] || fail "$stderr"
	hexz-chunk "$V/v1" | hexz-dedup -i a.key --parent dir/base.hxi >wire
	hexz-seal -i a.key --check-parents dir -o next.hxz wire
	hexz-cat -i a.key next.hxz | cmp - "$V/v1"
	run -1 --separate-stderr hexz-seal --check-parents dir -o out.hxz wire
	[[ $stderr == *"dir/base.hxi: no identity fits"* ]] || fail "$stderr"
	[ ! -e out.hxz ]
}

@test "--export-index: what is refused" {
	hexz-chunk "$V/v0" >v0.hxs
	run -2 --separate-stderr hexz-inspect --export-index v0.hxs
	one_error hexz-inspect
	run -2 --separate-stderr bash -c 'cat "$T/base.hxz" | hexz-inspect --export-index'
	run -2 --separate-stderr hexz-inspect --export-index --chain "$T/base.hxz"
	one_error hexz-inspect
	run -2 --separate-stderr hexz-inspect --export-index --json "$T/base.hxz"
	run -2 --separate-stderr hexz-inspect -o out "$T/base.hxz"
	[ ! -e out ]
	run -2 --separate-stderr bash -c 'cat "$T/base.hxz" | hexz-inspect --chain'
	run -2 script -qec "hexz-inspect --export-index $T/base.hxz" /dev/null </dev/null
	[[ $output == *"refusing to write binary data to a terminal"* ]] || fail "$output"
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

# cuts FILE: how its first stream was cut.
cuts() { hexz-inspect --json "$1" | jq -cS '.streams[0].chunker'; }

@test "a stream that was cut in another way: a warning that names --like" {
	run -0 --separate-stderr bash -c 'hexz-chunk --avg 8K "$V/v1" | hexz-dedup --parent "$T/base.hxz" | hexz-seal -o next.hxz'
	[[ ${#stderr_lines[@]} -eq 1 && $stderr == "hexz-dedup: warning: "*"hexz-chunk --like"* ]] || fail "$stderr"
	run -0 --separate-stderr bash -c 'hexz-chunk --like "$T/base.hxz" "$V/v1" | hexz-dedup --parent "$T/base.hxz" | hexz-seal -o next.hxz'
	[ -z "$stderr" ] || fail "$stderr"
}

@test "--like takes over how an archive was cut" {
	for options in "--avg 8K" "--min 1K --avg 4K --max 6K" "--chunker fixed --size 5000" ""; do
		# shellcheck disable=SC2086
		hexz-chunk $options "$V/v0" | hexz-seal -o base.hxz
		hexz-inspect --export-index -o base.hxi base.hxz
		# shellcheck disable=SC2086
		hexz-chunk $options "$V/v1" >want.hxs
		hexz-chunk --like base.hxz "$V/v1" | cmp - want.hxs
		hexz-chunk --like base.hxi "$V/v1" | cmp - want.hxs
		hexz-chunk --like base.hxi --exec -- cat "$V/v1" | hexz-inspect --chunks | cmp - <(hexz-inspect --chunks want.hxs)
	done
	run -2 --separate-stderr hexz-chunk --like base.hxz --avg 8K "$V/v1"
	one_error hexz-chunk
	for flag in --chunker=fixed --min=1K --max=64K --size=4K; do
		run -2 --separate-stderr hexz-chunk --like base.hxz $flag "$V/v1"
		[[ $stderr == *"--like and ${flag%=*} exclude each other"* ]] || fail "$stderr"
	done
	run -2 --separate-stderr hexz-chunk -i some.key "$V/v1"
	run -1 --separate-stderr hexz-chunk --like missing.hxz "$V/v1"
	one_error hexz-chunk
	run -3 --separate-stderr hexz-chunk --like "$V/v1" "$V/v1"
	one_error hexz-chunk
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

@test "--like with a chunk key: the same key is demanded" {
	for name in a b; do { printf 'hexz-chunk-key-v1 '; head -c 32 /dev/urandom | base64; } >$name.key; done
	pack "$V/v0" base.hxz --chunk-key-file a.key --avg 8K
	hexz-chunk --like base.hxz --chunk-key-file a.key "$V/v1" | cmp - <(hexz-chunk --avg 8K --chunk-key-file a.key "$V/v1")
	run -2 --separate-stderr hexz-chunk --like base.hxz "$V/v1"
	one_error hexz-chunk
	[[ $stderr == *"hint: "*"--chunk-key-file FILE"* ]] || fail "$stderr"
	run -2 --separate-stderr hexz-chunk --like base.hxz --chunk-key-file b.key "$V/v1"
	one_error hexz-chunk
	[[ $stderr == *"$(hexz-inspect base.hxz | grep -o 'key-id=[0-9a-f]*' | cut -d= -f2)"* ]] || fail "$stderr"
	for options in "" "--chunker fixed"; do
		# shellcheck disable=SC2086
		pack "$V/v0" plain.hxz $options
		run -2 --separate-stderr hexz-chunk --like plain.hxz --chunk-key-file a.key "$V/v1"
		[[ $stderr == *"chunk key: it was cut without one"* ]] || fail "$stderr"
	done
}

@test "--like on an encrypted archive needs its key" {
	hexz-keygen encrypt -o a.key >a.pub
	hexz-chunk --avg 8K "$V/v0" | hexz-seal -R a.pub -o base.hxz
	hexz-chunk --like base.hxz -i a.key "$V/v1" | cmp - <(hexz-chunk --avg 8K "$V/v1")
	run -1 --separate-stderr hexz-chunk --like base.hxz "$V/v1"
	[[ $stderr == *encrypted*"hint: "*"-i FILE"* ]] || fail "$stderr"
	printf 'pass phrase\n' >pass
	hexz-chunk --avg 8K "$V/v0" | hexz-seal -p --passphrase-file pass -o base.hxz
	hexz-chunk --like base.hxz --passphrase-file pass "$V/v1" | cmp - <(hexz-chunk --avg 8K "$V/v1")
}

@test "a parent is not written over by what needs it" {
	pack "$V/v0" v0.hxz
	cp v0.hxz before
	hexz-chunk "$V/v1" | hexz-dedup --parent v0.hxz | hexz-compress | hexz-seal -o v1.hxz
	run -2 hexz-dedup --parent v0.hxz -o v0.hxz v1.hxz
	run -2 hexz-cat -o v0.hxz v1.hxz
	[[ $output == *"is a parent, and also the output"* ]] || fail "$output"
	run -2 hexz-cat --in-place -o v0.hxz v1.hxz
	cmp v0.hxz before
	hexz-cat v1.hxz | cmp - "$V/v1"
}

@test "what was named as a parent and is none is told with the reason" {
	pack "$V/v0" v0.hxz
	hexz-chunk "$V/v1" | hexz-dedup --parent v0.hxz | hexz-compress | hexz-seal -o v1.hxz
	hexz-inspect --export-index v0.hxz >v0.hxi
	mkdir away
	mv v0.hxz away
	head -c 1000 away/v0.hxz >v0.hxz
	run -1 hexz-cat --parent v0.hxi v1.hxz
	[[ $output == *"v0.hxi (an exported index, which has no content)"*"v0.hxz (no archive, or one that was cut short)"* ]] ||
		fail "$output"
	# A name that is not that of a file is wrong, though the parent is found without it.
	mv away/v0.hxz v0.hxz
	hexz-cat v1.hxz | cmp - "$V/v1"
	run -2 hexz-cat --parent v0.hzx v1.hxz
	[[ $output == *"v0.hzx"*"no such file"* ]] || fail "$output"
}
