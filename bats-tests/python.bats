#!/usr/bin/env bats
# The examples of docs/format.md, taken from the document as they stand there: stages in Python,
# and the annotated archive.

load helper

setup_file() {
	export DOC=$BATS_TEST_DIRNAME/../docs/format.md
	cd "$BATS_FILE_TMPDIR" || return 1
	local name
	for name in dedup.py chunk.py; do
		block "<!-- $name -->" >"$name"
		[ -s "$name" ] || { echo "no $name in $DOC" >&2; return 1; }
	done
	export DEDUP=$BATS_FILE_TMPDIR/dedup.py CHUNK=$BATS_FILE_TMPDIR/chunk.py

	# blake3 is in no package of older systems: a virtual environment will do, if there is a
	# way to get one.
	local python
	for python in "$PYTHON" python3 /usr/bin/python3; do
		if "$python" -c 'import msgpack, blake3' 2>/dev/null; then
			export BLAKE_PYTHON=$python
			return
		fi
	done
	if "$PYTHON" -m venv venv && timeout 60 venv/bin/pip install -q msgpack blake3; then
		export BLAKE_PYTHON=$BATS_FILE_TMPDIR/venv/bin/python
	fi >&2
	return 0
}

# block MARKER prints the fenced block that stands behind a line.
block() {
	awk -v marker="$1" '
		$0 == marker { found = 1; next }
		found && /^```/ { if (open) exit; open = 1; next }
		open' "$DOC"
}

need_msgpack() { "$PYTHON" -c 'import msgpack' 2>/dev/null || skip "no python3 with the module msgpack"; }
need_blake3() { [ -n "$BLAKE_PYTHON" ] || skip "no python3 with the modules msgpack and blake3 (pip install blake3)"; }

counts() { hexz-inspect --json "$1" | jq -c '[.bytes, .data, .ref, .zero, .hole, [.streams[].root]]'; }

@test "dedup.py takes the place of hexz-dedup" {
	need_msgpack
	for in in twice sparse empty tree.tar; do
		hexz-chunk "$IN/$in" | "$PYTHON" "$DEDUP" | hexz-compress | hexz-seal -o "$in.py.hxz"
		pack "$IN/$in" "$in.hxz"
		hexz-cat "$in.py.hxz" | cmp - "$IN/$in"
		hexz-verify "$in.py.hxz"
		[ "$(counts "$in.py.hxz")" = "$(counts "$in.hxz")" ]
	done
	[ "$(hexz-inspect --json twice.py.hxz | jq .ref.n)" -gt 20 ]
	[ "$(hexz-inspect --json twice.py.hxz | jq -c '[.stages[].stage]')" = '["hexz-chunk","dedup.py","hexz-compress"]' ]
}

@test "dedup.py passes on segments that are compressed" {
	need_msgpack
	# The first copy is compressed, so it stays; of a second dedup nothing is left to find.
	hexz-chunk "a=$IN/tree.tar" "b=$IN/tree.tar" | hexz-compress | "$PYTHON" "$DEDUP" | hexz-seal -o a.hxz
	[ "$(hexz-inspect --json a.hxz | jq .ref.n)" -eq 0 ]
	hexz-cat --stream b a.hxz | cmp - "$IN/tree.tar"
	# Segments that did not become smaller are not encoded, and are targets and refs again.
	hexz-chunk "$IN/twice" | hexz-compress | "$PYTHON" "$DEDUP" | hexz-seal -o b.hxz
	[ "$(hexz-inspect --json b.hxz | jq .ref.n)" -gt 20 ]
	hexz-cat b.hxz | cmp - "$IN/twice"
	hexz-verify a.hxz b.hxz
}

@test "dedup.py passes on a failure, and a cut is one" {
	need_msgpack
	run -4 bash -c 'hexz-chunk --expect-size 1 "$IN/twice" | "$PYTHON" "$DEDUP" | hexz-compress | hexz-seal -o out.hxz; codes=("${PIPESTATUS[@]}"); echo "${codes[@]}"; exit "${codes[3]}"'
	[[ $output == *$'\n1 4 4 4' ]]
	[[ $output == *"hexz-seal: upstream hexz-chunk failed: input has "* ]]

	run -4 bash -c 'hexz-chunk "$IN/twice" | head -c 300000 | "$PYTHON" "$DEDUP" | hexz-seal -o out.hxz; codes=("${PIPESTATUS[@]}"); echo "${codes[@]:2}"; exit "${codes[3]}"'
	[[ $output == *$'\n4 4' ]]
	[[ $output == *"hexz-seal: upstream dedup.py failed: the stream is cut short"* ]]

	run -4 bash -c '"$PYTHON" "$DEDUP" </dev/null | hexz-seal -o out.hxz; codes=("${PIPESTATUS[@]}"); echo "${codes[@]}"; exit "${codes[1]}"'
	[[ $output == *$'\n4 4' ]]
	only ""
}

@test "dedup.py refuses archives and features, and ends silently by SIGPIPE" {
	need_msgpack
	pack "$IN/one" one.hxz
	run -3 "$PYTHON" "$DEDUP" <one.hxz
	run -3 "$PYTHON" "$DEDUP" < <(printf '\x95\x00\xa4hexz\x01\x91\xa3new\x80')
	run bash -c 'hexz-chunk "$IN/twice" | "$PYTHON" "$DEDUP" | head -c 1 >/dev/null; echo "${PIPESTATUS[1]}"'
	[ "$output" = 141 ]
}

@test "chunk.py takes the place of hexz-chunk" {
	need_blake3
	for in in twice sparse empty one; do
		"$BLAKE_PYTHON" "$CHUNK" 4096 <"$IN/$in" | hexz-dedup | hexz-compress | hexz-seal -o "$in.hxz"
		hexz-cat "$in.hxz" | cmp - "$IN/$in"
		hexz-verify "$in.hxz"
	done
	"$BLAKE_PYTHON" "$CHUNK" 4096 <"$IN/twice" | "$PYTHON" "$DEDUP" | hexz-seal -o both.hxz
	hexz-cat both.hxz | cmp - "$IN/twice"
	[ "$(counts both.hxz)" = "$(counts twice.hxz)" ]
	[ "$(hexz-inspect --json twice.hxz | jq -c '.streams[0].chunker')" = '{"name":"example-fixed","size":4096}' ]
}

@test "the annotated archive is what the tools make" {
	bash -c "$(block '<!-- example: commands -->')" >/dev/null
	# Lines of a dump: an address, up to eight groups of hex digits, two spaces, the text.
	block '<!-- example: dump -->' | sed -nE 's/^[0-9a-f]{8}: (([0-9a-f]{2,4} )+).*/\1/p' | xxd -r -p >documented
	cmp documented tiny.hxz
	hexz-cat tiny.hxz | cmp - tiny
	for lines in chunks segments; do
		hexz-inspect --$lines tiny.hxz | while IFS= read -r line; do
			grep -qxF -- "$line" "$DOC" || fail "$DOC lacks: $line"
		done
	done
}
