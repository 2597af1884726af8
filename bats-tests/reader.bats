#!/usr/bin/env bats
# examples/read.py was made from docs/format.md alone. It reads what hexz writes, and finds the
# faults that hexz finds.

load helper

setup() {
	with_modules msgpack blake3 zstandard lz4.block
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	set -o pipefail
	export PYTHONDONTWRITEBYTECODE=1 EXAMPLES=$BATS_TEST_DIRNAME/../examples
}

reader() { "$PY" "$EXAMPLES/read.py" "$@"; }

# same ARCHIVE STREAM [ARG]...: all of it, and parts at random, are what hexz-cat says; --verify
# finds nothing.
same() {
	local size n offset length
	size=$(hexz-inspect --json "$1" | jq --arg name "$2" '.streams[] | select(.name == $name).bytes')
	RANDOM=1
	for n in {1..5}; do
		offset=$((n == 1 ? 0 : (RANDOM << 15 | RANDOM) % (size + 1)))
		length=$((n == 1 ? size : RANDOM << n))
		reader --stream "$2" --offset $offset --length $length "${@:3}" "$1" >got
		hexz-cat --stream "$2" --offset $offset --length $length "${@:3}" "$1" | cmp - got ||
			fail "$1, $2: $length bytes at $offset"
	done
	reader --verify "${@:3}" "$1"
}

@test "full archives of each codec" {
	local codec
	for codec in none zstd lz4 s2 "s2 -l 3" "lz4 -l 9" "zstd -l 12 -b 2M"; do
		# shellcheck disable=SC2086
		hexz-chunk "a=$IN/twice" "b=$IN/sparse" "c=$IN/tree.tar" "d=$IN/empty" | hexz-dedup | hexz-compress -c $codec | hexz-seal -o a.hxz
		reader --verify a.hxz
		for stream in a=twice b=sparse c=tree.tar d=empty; do
			reader --stream ${stream%=*} a.hxz | cmp - "$IN/${stream#*=}"
		done
	done
	for stream in a b c d; do same a.hxz $stream; done
}

@test "archives with a dictionary, with digests, of many pages, of nothing" {
	hexz-chunk --digest sha256 --digest blake3 --avg 1K "$IN/records.json" | hexz-compress -b 2K --train-dict | hexz-seal -o a.hxz
	hexz-inspect a.hxz | grep -x "dictionaries *1"
	same a.hxz disk
	hexz-chunk --chunker fixed --size 64 "$IN/tree.tar" | hexz-compress -c none -b 256 | hexz-seal -o b.hxz
	same b.hxz disk
	pack "$IN/empty" c.hxz
	same c.hxz disk
	noise 4300000 7 >many # more than 256 pages of 256 segments, so that there are directory pages
	hexz-chunk --chunker fixed --size 64 many | hexz-compress -c none -b 64 | hexz-seal -o d.hxz
	reader --verify d.hxz
	reader --offset 4200000 --length 1000 d.hxz | cmp - <(tail -c +4200001 many | head -c 1000)
}

# edited FILE: a new version of it.
edited() { "$PY" -c 'import sys; p = bytearray(open(sys.argv[1], "rb").read()); p[::9000] = bytes(len(p[::9000])); sys.stdout.buffer.write(p)' "$1"; }

@test "thin archives and patches: parents beside the archive, or named" {
	edited "$IN/noise" >b
	{ head -c 400000 b; edited b; cat "$IN/sparse"; } >c
	pack "$IN/noise" a.hxz
	hexz-chunk b | hexz-dedup --parent a.hxz | hexz-delta --parent a.hxz | hexz-compress | hexz-seal -o b.hxz
	hexz-chunk c | hexz-dedup --parent b.hxz | hexz-delta --self --parent b.hxz | hexz-compress | hexz-seal -o c.hxz
	hexz-inspect --json b.hxz | jq -e '.patch.n > 50'
	hexz-inspect --json c.hxz | jq -e '.patch.n > 10 and .parent.n > 10'
	same b.hxz disk
	same c.hxz disk
	mkdir elsewhere
	mv a.hxz b.hxz elsewhere
	same c.hxz disk --parent elsewhere/a.hxz --parent elsewhere/b.hxz
	run -1 --separate-stderr reader c.hxz
	[[ $stderr == "read.py: c.hxz: parent 'b.hxz' with the id "*" is missing" ]] || fail "$stderr"
	# Own bases.
	{ cat "$IN/noise" b; } >twins
	hexz-chunk twins | hexz-dedup | hexz-delta --self | hexz-compress | hexz-seal -o self.hxz
	hexz-inspect --json self.hxz | jq -e '.patch.n > 10'
	same self.hxz disk
}

# nodes ARGUMENT...: see nodes.py.
nodes() { PYTHONPATH=$EXAMPLES "$PY" "$BATS_TEST_DIRNAME/nodes.py" "$@"; }

# seal_nodes OUT ARGUMENT...: an archive of what nodes prints.
seal_nodes() { nodes "${@:2}" | hexz-seal -o "$1"; }

# levels ARCHIVE prints how many node entries of each level it has, from level 0 up, of each parent.
levels() {
	PYTHONPATH=$EXAMPLES "$PY" - "$1" <<-'END'
		import collections, sys
		from reader.archive import Archive
		archive = Archive(sys.argv[1], {})
		entries = [entry for entry, _, _ in archive.entries(0, 0, archive.streams[0][2]) if entry[0] == 6]
		print(sorted(collections.Counter((entry[4], entry[3]) for entry in entries).items()))
	END
}

# changed IN ARCHIVE CHUNK: IN with other bytes in a chunk of the archive, as nodes.py writes them.
changed() {
	local offset length
	read -r offset length < <(hexz-inspect --chunks "$2" | awk -v n="$3" 'NR == n + 2 { print $2, $3 }')
	head -c "$offset" "$1"
	yes "$3 " | tr -d '\n' | head -c "$length" || true
	tail -c +$((offset + length + 1)) "$1"
}

# Three generations. Of b most is nodes of a. Of c the same is nodes of a and, where b has other chunks,
# of b. All of d is one node of c, which stands there as nodes.
generations() {
	"$PY" -c 'import random, sys; r = random.Random(5); sys.stdout.buffer.write(b"".join(r.randbytes(3000) + bytes(r.choice([0, 0, 0, 6000])) for _ in range(150)))' >a
	hexz-chunk --min 64 --avg 256 --max 1K a | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	changed a a.hxz 700 >b
	seal_nodes b.hxz a.hxz 700
	changed b a.hxz 10 >c
	seal_nodes c.hxz b.hxz 10
	seal_nodes d.hxz c.hxz
}

@test "nodes of parents" {
	generations
	for in in b c d; do
		reader --verify $in.hxz
		reader $in.hxz | cmp - "${in/d/c}"
		for offset in 0 1 7500 250000 635999 636000; do
			reader --offset $offset --length 30000 $in.hxz | cmp - <(tail -c +$((offset + 1)) "${in/d/c}" | head -c 30000 || true)
		done
	done
	[ "$(levels b.hxz)" = "[((0, 0), 17), ((0, 1), 3)]" ]
	[ "$(levels c.hxz)" = "[((0, 1), 1), ((1, 0), 20), ((1, 1), 2)]" ]
	[ "$(levels d.hxz)" = "[((0, 2), 1)]" ]
	[ "$(hexz-inspect --json d.hxz | jq -r '.streams[].root')" = "$(hexz-inspect --json c.hxz | jq -r '.streams[].root')" ]
	[ "$(size d.hxz)" -lt 1200 ]
	# Parents are found as those of chunks are, and damage to them is found.
	mkdir elsewhere
	mv a.hxz elsewhere
	run -1 --separate-stderr reader d.hxz
	[[ $stderr == "read.py: d.hxz: parent 'a.hxz' with the id "*" is missing" ]] || fail "$stderr"
	reader --parent elsewhere/a.hxz d.hxz | cmp - c
	mv elsewhere/a.hxz .
	poke a.hxz 50000
	run -3 reader d.hxz
	run -3 reader --verify d.hxz
}

@test "nodes that a parent does not have" {
	generations
	# said TEXT CODE ARGUMENT...: what an archive of these nodes is told when it is read: the text, and
	# the exit code. --verify finds it as well.
	said() {
		seal_nodes bad.hxz "${@:3}"
		run -"$2" --separate-stderr reader bad.hxz
		[[ $stderr == "read.py: bad.hxz: $1" ]] || fail "${*:3}: $stderr"
		run -3 --separate-stderr reader --verify bad.hxz
		[[ $stderr == "read.py: bad.hxz: $1" ]] || fail "${*:3}: $stderr"
	}
	said "a node of a range that the parent does not have" 3 c.hxz --set 5=1
	said "a node of a range that the parent does not have" 3 c.hxz --set 6=1
	said "a node of a range that the parent does not have" 3 c.hxz --set 6=$((2 ** 62))
	said "a node begins or ends within an entry of the parent" 3 a.hxz 10 --set 6=8015
	# Levels that do not go down would allow a circle.
	said "a node of level 1 within one of level 1" 3 c.hxz --set 3=1
	said "a node of level 0 within one of level 0" 3 c.hxz --set 3=0
	said "the parent has another node" 3 c.hxz --set 3=3
	said "the parent has another node" 3 c.hxz --set 4=1
	said "the parent has another node" 3 c.hxz --set 2="$(printf '%064d' 0)"
}

@test "the content tree, as the test vectors have it" {
	cd "$BATS_TEST_DIRNAME/../pkg/stream/testdata/vectors"
	PYTHONPATH=$EXAMPLES "$PY" - *.txt <<-'END'
		import io, sys
		import msgpack
		from tree import Tree
		checked = {True: 0, False: 0}
		for name in sys.argv[1:]:
		    lines = open(name).read().split("\n")
		    if "expect: ok" not in lines and not name.startswith("node-after-"):
		        continue
		    data = bytes.fromhex("".join(line for line in lines if not line.startswith(("#", "expect:"))))
		    for frame in msgpack.Unpacker(io.BytesIO(data), raw=False, strict_map_key=False):
		        if frame[0] == 2:
		            tree, aligned = Tree(), True
		        elif frame[0] == 3:
		            aligned &= all([tree.add(entry) for entry in frame[3]])
		        elif frame[0] == 5:
		            assert aligned == ("expect: ok" in lines), name
		            assert not aligned or tree.root() == frame[3], name
		            checked[aligned] += 1
		assert checked[True] >= 10 and checked[False] == 3, checked
	END
}

@test "signatures are passed, an encrypted archive is refused" {
	pack "$IN/one" a.hxz
	hexz-keygen sign --no-passphrase -o key >/dev/null
	hexz-keygen sign --no-passphrase -o other >/dev/null
	hexz-sign -k key a.hxz
	hexz-sign -k other a.hxz
	same a.hxz disk
	hexz-keygen encrypt -o me.key >me.pub
	hexz-unseal a.hxz | hexz-seal -q -R me.pub -o b.hxz
	run -3 --separate-stderr reader b.hxz
	[ "$stderr" = "read.py: b.hxz: features ['encrypted']" ]
}

@test "damage anywhere, and a cut, are found as hexz-verify finds them" {
	head -c 100000 "$IN/tree.tar" >in
	pack in a.hxz
	local size n
	size=$(size a.hxz)
	for n in {0..40}; do
		cp a.hxz b.hxz
		poke b.hxz $((n * (size - 1) / 40))
		run -3 --separate-stderr reader --verify b.hxz
		[[ ${#stderr_lines[@]} -eq 1 && $stderr == "read.py: b.hxz: "* ]] || fail "byte $n of 40: $stderr"
		unsound b.hxz
		head -c $((n * (size - 1) / 40)) a.hxz >c.hxz
		run -3 reader --verify c.hxz
	done
	# A part that is sound can be had from a damaged archive.
	cp a.hxz b.hxz
	poke b.hxz 500
	run -3 reader b.hxz
	hexz-chunk --avg 1K in | hexz-compress -b 4K | hexz-seal -o d.hxz
	poke d.hxz 500
	reader --offset 50000 d.hxz | cmp - <(tail -c +50001 in)
}

@test "what stands behind the trailer, as the test vectors have it" {
	local vector want code
	for vector in "$BATS_TEST_DIRNAME"/../pkg/archive/testdata/tails/*.txt; do
		grep -v '^#\|^expect' "$vector" | xxd -r -p >a.hxz
		want=$(sed -n 's/^expect: //p' "$vector")
		code=$([ "$want" = corrupt ] && echo 3 || echo 0)
		run -"$code" reader --verify a.hxz
	done
}

@test "programs of patches, and payloads, as the test vectors have them" {
	cd "$BATS_TEST_DIRNAME/../pkg"
	"$PY" - "$EXAMPLES" delta/testdata/*.txt <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from reader.payload import Damaged, decode, patch
		for name in sys.argv[2:]:
		    fields = {"base": []}
		    for line in open(name):
		        key, _, value = line.partition("#")[0].partition(":")
		        if key.strip() in ("base", "program"):
		            fields.setdefault(key.strip(), []).append(bytes.fromhex(value))
		        elif key.strip():
		            fields[key.strip()] = value.strip()
		    try:
		        made = patch(b"".join(fields.get("program", [])), fields["base"], int(fields["length"]))
		        got = "ok" if len(made) == int(fields["length"]) else "corrupt"
		    except Damaged:
		        got = "corrupt"
		    assert got == fields["expect"], name
		    assert got != "ok" or made == bytes.fromhex(fields["result"]), name
		raw = open("codec/testdata/text.raw", "rb").read()
		for name, codec in ("text.s2", "s2"), ("text.best.s2", "s2"), ("text.lz4", "lz4"), ("text.hc.lz4", "lz4"), ("text.zst", "zstd"), ("text.check.zst", "zstd"), ("text.stream.zst", "zstd"):
		    data = open("codec/testdata/" + name, "rb").read()
		    assert decode(codec, data, len(raw), {}) == raw, name
		    for bad in (data + b"\0", data[:-1], data + data):
		        try:
		            decode(codec, bad, len(raw), {})
		            assert False, (name, len(bad))
		        except Damaged:
		            pass
	END
}

@test "the archives of testdata: hexz-verify, hexz-cat and read.py find what the table says" {
	cd "$BATS_TEST_DIRNAME/../testdata/archives"
	"$PY" - "$EXAMPLES/read.py" <<-'END'
		import json, subprocess, sys
		import blake3
		rows, contents, wrong = json.load(open("archives.json")), {}, []
		def run(*command, **more):
		    return subprocess.run(command, capture_output=True, **more)
		def compare(row, who, code, done):
		    if done.returncode != code:
		        wrong.append((row["file"], who, done.returncode, code, done.stderr))
		def right(row, who, stream, done):
		    """What came out is all of the stream, or its beginning and an error."""
		    whole = contents[stream["blake3"]]
		    if done.stdout != whole[:len(done.stdout)] or done.returncode == 0 and len(done.stdout) < len(whole):
		        wrong.append((row["file"], who, "other bytes"))
		def cat(row, stream, **more):
		    return run("hexz-cat", "--stream", stream["name"], "--parent-dir", ".", *key(row), **more)
		def key(row):
		    flags = [("-i", row.get("identity")), ("--passphrase-file", row.get("passphrase"))]
		    return [word for flag in flags if flag[1] for word in flag]
		for row in rows:
		    for stream in row["streams"] if row["verdict"] == "ok" else []:
		        content = cat(row, stream, stdin=open(row["file"], "rb")).stdout
		        contents[blake3.blake3(content).hexdigest()] = content
		for row in rows:
		    name, signers = row["file"], [word for key in row.get("signed_by", []) for word in ("--signed-by", key)]
		    compare(row, "hexz-verify", row["verify"], run("hexz-verify", *signers, *key(row), name))
		    python = row.get("python", row["verify"])
		    compare(row, "read.py --verify", python, run(sys.executable, sys.argv[1], "--verify", name))
		    for stream in row["streams"]:
		        piped = cat(row, stream, input=open(name, "rb").read())
		        compare(row, "hexz-cat", row["pipe"], piped)
		        right(row, "hexz-cat", stream, piped)
		        done = run(sys.executable, sys.argv[1], "--stream", stream["name"], name)
		        right(row, "read.py", stream, done)
		        if row["verdict"] in ("ok", "torn"):
		            compare(row, "read.py", python, done)
		assert len(rows) > 50 and not wrong, "\n".join(map(str, wrong))
	END
}
