#!/usr/bin/env bats
# The stages in examples/, and the annotated archive of docs/format.md.

load helper

setup_file() {
	export EXAMPLES=$BATS_TEST_DIRNAME/../examples DOC=$BATS_TEST_DIRNAME/../docs/format.md
	export PYTHONDONTWRITEBYTECODE=1
}

# block MARKER prints the fenced block of the document after a line.
block() {
	awk -v marker="$1" '
		$0 == marker { found = 1; next }
		found && /^```/ { if (open) exit; open = 1; next }
		open' "$DOC"
}

counts() { hexz-inspect --json "$1" | jq -c '[.bytes, .data, .ref, .zero, .hole, [.streams[].root]]'; }

@test "dedup.py takes the place of hexz-dedup" {
	with_modules msgpack
	for in in twice sparse empty tree.tar; do
		hexz-chunk "$IN/$in" | "$PY" "$EXAMPLES/dedup.py" | hexz-compress | hexz-seal -o "$in.py.hxz"
		pack "$IN/$in" "$in.hxz"
		hexz-cat "$in.py.hxz" | cmp - "$IN/$in"
		hexz-verify "$in.py.hxz"
		[ "$(counts "$in.py.hxz")" = "$(counts "$in.hxz")" ]
	done
	[ "$(hexz-inspect --json twice.py.hxz | jq .ref.n)" -gt 20 ]
	[ "$(hexz-inspect --json twice.py.hxz | jq -c '[.stages[].stage]')" = '["hexz-chunk","dedup.py","hexz-compress"]' ]
}

@test "dedup.py passes on segments that are compressed" {
	with_modules msgpack
	# The first copy is compressed, so it stays; of a second dedup nothing is left to find.
	hexz-chunk "a=$IN/tree.tar" "b=$IN/tree.tar" | hexz-compress | "$PY" "$EXAMPLES/dedup.py" | hexz-seal -o a.hxz
	[ "$(hexz-inspect --json a.hxz | jq .ref.n)" -eq 0 ]
	hexz-cat --stream b a.hxz | cmp - "$IN/tree.tar"
	# Segments that did not become smaller are not encoded, and are targets and refs again.
	hexz-chunk "$IN/twice" | hexz-compress | "$PY" "$EXAMPLES/dedup.py" | hexz-seal -o b.hxz
	[ "$(hexz-inspect --json b.hxz | jq .ref.n)" -gt 20 ]
	hexz-cat b.hxz | cmp - "$IN/twice"
	hexz-verify a.hxz b.hxz
}

@test "compress.py takes the place of hexz-compress" {
	with_modules msgpack zstandard
	for in in twice sparse empty tree.tar; do
		hexz-chunk "$IN/$in" | hexz-dedup | "$PY" "$EXAMPLES/compress.py" 9 | hexz-seal -o "$in.hxz"
		hexz-cat "$in.hxz" | cmp - "$IN/$in"
		hexz-verify "$in.hxz"
	done
	[ "$(size tree.tar.hxz)" -lt $(($(size "$IN/tree.tar") / 2)) ]
	hexz-inspect --json tree.tar.hxz | jq -e '.stages[-1] == {"stage": "compress.py", "codec": "zstd", "level": 9}'
	# Noise stays as it is, and what is compressed already, too; patches are part of a payload.
	[ "$(hexz-inspect --json twice.hxz | jq -c '[.codecs | keys[]]')" = '["none"]' ]
	hexz-chunk "$IN/tree.tar" | hexz-compress -c lz4 | "$PY" "$EXAMPLES/compress.py" | hexz-compress -d | hexz-cat | cmp - "$IN/tree.tar"
	hexz-chunk "$IN/twice" | hexz-delta --self | "$PY" "$EXAMPLES/compress.py" | hexz-cat | cmp - "$IN/twice"
}

# both PIPELINE TEXT...: runs a pipeline in which $stage stands, with each of the filters. What it
# prints, and then a space and the exit codes, has each TEXT in it.
both() {
	local name text
	for name in dedup compress; do
		stage="$PY $EXAMPLES/$name.py" run bash -c "$1; echo \" \${PIPESTATUS[*]}\""
		for text in "${@:2}"; do
			[[ $output == *"$text"* ]] || fail "$name.py: $output"
		done
	done
}

@test "a filter passes on a failure, and a cut is one" {
	with_modules msgpack zstandard
	both 'hexz-chunk --expect-size 1 "$IN/twice" | $stage | hexz-compress | hexz-seal -v -o out.hxz' $'\n 1 4 4 4'
	[[ $output == *"hexz-seal: upstream hexz-chunk failed: input has "* ]]
	both 'hexz-chunk "$IN/twice" | head -c 300000 | $stage | hexz-seal -o out.hxz' ' 4 4'
	[[ $output == *"hexz-seal: upstream compress.py failed: the stream is cut short"* ]]
	both '$stage </dev/null | hexz-seal -o out.hxz' $'\n 4 4'
	only ""
}

# stream FRAME...: a chunk stream of these frames, in hexadecimal, after a header.
stream() { printf '%s' 9500a46865787a019080 "$@" | xxd -r -p; }

# What they do not know they refuse, and never pass on as if it were right.
@test "a filter refuses archives, features, and kinds of frames and entries that it does not know" {
	with_modules msgpack zstandard
	pack "$IN/one" one.hxz
	local open=950200a46469736bc080 in
	stream $open 9703000091920a01a46e6f6e6500c400 >entry.hxs      # an entry of kind 10
	stream $open 970300009193010102a46e6f6e6500c400 >elements.hxs # zero of three elements
	stream 920900 >frame.hxs                                      # a frame of kind 9
	stream 93000000 >again.hxs                                    # another header
	printf '\x95\x00\xa4hexz\x01\x91\xa3new\x80' >feature.hxs
	printf garbage >garbage.hxs
	{ hexz-chunk "$IN/one"; cat entry.hxs; } >after.hxs
	for in in one.hxz {entry,elements,frame,again,feature,garbage,after}.hxs; do
		export in
		both '$stage <$in 2>&1 >out | cat -v' ".py: " ' 3 0'
		run -4 hexz-cat -o restored - <out
	done
	# compress.py knows what a patch is.
	patches >patches.hxs
	run -3 "$PY" "$EXAMPLES/dedup.py" <patches.hxs
	"$PY" "$EXAMPLES/compress.py" <patches.hxs | hexz-cat | cmp - alike
}

@test "a filter passes on parents, and nodes of them" {
	with_modules msgpack zstandard
	grep -hxE '[0-9a-f]+' "$BATS_TEST_DIRNAME/../pkg/stream/testdata/vectors/node.txt" | xxd -r -p >nodes.hxs
	# After the header, of 10 bytes, nothing changes.
	both '$stage <nodes.hxs | hexz-inspect --json | jq -c "[.parents[].hint, .node.n // .parent.n]"' ' 0 0 0'
	for name in dedup compress; do
		"$PY" "$EXAMPLES/$name.py" <nodes.hxs | tail -c "$(($(size nodes.hxs) - 10))" | cmp - <(tail -c +11 nodes.hxs)
	done
}

# patches prints a stream with patches, of the file alike.
patches() {
	{ cat "$IN/noise"; "$PY" -c 'import sys; p = bytearray(sys.stdin.buffer.read()); p[::9000] = bytes(len(p[::9000])); sys.stdout.buffer.write(p)' <"$IN/noise"; } >alike
	hexz-chunk alike | hexz-delta --self
}

@test "a filter skips ancillary frames, whatever they hold" {
	with_modules msgpack zstandard
	hexz-chunk "$IN/one" >one.hxs
	# A map whose keys are numbers, and equal; a float and a map with nil as key.
	"$PY" - one.hxs >notes.hxs <<-'END'
		import msgpack, sys
		for n, frame in enumerate(msgpack.Unpacker(open(sys.argv[1], "rb"), raw=False)):
		    if n:
		        sys.stdout.buffer.write(bytes.fromhex("92cc808201020102" "93cd0100cb3ff800000000000081c0c0"))
		    sys.stdout.buffer.write(msgpack.packb(frame))
	END
	hexz-cat notes.hxs | cmp - "$IN/one"
	both '$stage <notes.hxs | hexz-cat' 'x 0 0'
}

@test "a filter ends silently by SIGPIPE" {
	with_modules msgpack zstandard
	both 'hexz-chunk "$IN/twice" | $stage | head -c 1 >/dev/null' ' 141 141 0'
}

@test "chunk.py takes the place of hexz-chunk" {
	with_modules msgpack blake3
	for in in twice sparse empty one; do
		"$PY" "$EXAMPLES/chunk.py" 4096 <"$IN/$in" | hexz-dedup | hexz-compress | hexz-seal -o "$in.hxz"
		hexz-cat "$in.hxz" | cmp - "$IN/$in"
		hexz-verify "$in.hxz"
	done
	"$PY" "$EXAMPLES/chunk.py" 4096 <"$IN/twice" | "$PY" "$EXAMPLES/dedup.py" | hexz-seal -o both.hxz
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
