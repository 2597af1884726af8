# hexz-unseal --salvage and hexz-cat --keep-going: what is left of a damaged archive.

load helper

# check_report FILE ORIGINAL RESTORED: RESTORED is ORIGINAL with zeros where FILE says that it is
# lost, and something is.
check_report() {
	"$PYTHON" - "$@" <<-'END'
		import json, sys
		report = json.load(open(sys.argv[1]))
		want = bytearray(open(sys.argv[2], "rb").read())
		got = open(sys.argv[3], "rb").read()
		assert report["version"] == 1 and report["lost_ranges"] == len(report["lost"]) > 0, report
		assert report["lost_bytes"] == sum(l["length"] or 0 for l in report["lost"]), report
		assert report["unknown"] == any(l["length"] is None for l in report["lost"]), report
		for lost in report["lost"]:
		    assert lost["reason"]
		    if lost["offset"] is not None:
		        end = len(want) if lost["length"] is None else lost["offset"] + lost["length"]
		        want[lost["offset"]:end] = bytes(end - lost["offset"])
		        if lost["length"] is None:
		            del want[lost["offset"]:]
		assert got == want, f"{len(got)} bytes, not those that are expected: {report}"
		assert got.count(0) < len(got) * 3 // 4, "most of it is lost"
	END
}

# salvaged FILE ORIGINAL [FLAG]...: something of FILE is lost, and the rest makes a sound archive.
salvaged() {
	local file=$1 original=$2
	shift 2
	run -3 --separate-stderr bash -c "hexz-unseal --salvage --report lost.json $* $file | hexz-seal -o saved.hxz; exit \${PIPESTATUS[0]}"
	[[ $stderr == *"hexz-unseal: "*" lost in "* ]] || fail "$stderr"
	hexz-verify --level content saved.hxz
	hexz-cat -o saved saved.hxz
	check_report lost.json "$original" saved
	run -3 --separate-stderr hexz-cat --keep-going --report cat.json "$@" -o kept "$file"
	one_error hexz-cat
	cmp kept saved
	rm saved saved.hxz kept
}

# whole FILE STREAM [FLAG]...: nothing of FILE is lost, and what comes out is STREAM.
whole() {
	local file=$1 frames=$2
	shift 2
	hexz-unseal --salvage --report none.json "$@" "$file" | cmp - "$frames"
	[ "$("$PYTHON" -c 'import json; print(json.load(open("none.json"))["lost"])')" = "[]" ]
	hexz-cat --keep-going "$@" "$file" | cmp - <(hexz-cat "$frames")
}

@test "nothing is lost: the stream is that of hexz-unseal, exit 0" {
	for input in noise records.json sparse empty; do
		pack "$IN/$input" a.hxz
		hexz-unseal a.hxz >a.hxs
		whole a.hxz a.hxs
		whole a.hxs a.hxs
		cat a.hxz | hexz-unseal --salvage | cmp - a.hxs
		hexz-cat --keep-going <a.hxz | cmp - "$IN/$input"
	done
}

@test "index, trailer or header gone: nothing of the content is lost" {
	pack "$IN/noise" a.hxz
	hexz-unseal a.hxz >a.hxs
	head -c -64 a.hxz >bad.hxz
	whole bad.hxz a.hxs
	head -c -200 a.hxz >bad.hxz
	whole bad.hxz a.hxs
	cp a.hxz bad.hxz
	poke bad.hxz 30
	whole bad.hxz a.hxs
	poke bad.hxz 0
	whole bad.hxz a.hxs
}

@test "overwritten, taken out, put in, cut: the rest comes out, and the report tells what is lost" {
	pack "$IN/noise" a.hxz
	cp a.hxz bad.hxz
	dd if=/dev/zero of=bad.hxz bs=1000 seek=400 count=20 conv=notrunc status=none
	salvaged bad.hxz "$IN/noise"
	head -c -64 bad.hxz >cut.hxz
	salvaged cut.hxz "$IN/noise"
	{ head -c 300000 a.hxz; tail -c +330000 a.hxz; } >bad.hxz
	salvaged bad.hxz "$IN/noise"
	{ head -c 300000 a.hxz; head -c 5000 /dev/urandom; tail -c +300001 a.hxz; } >bad.hxz
	salvaged bad.hxz "$IN/noise"
	head -c 700000 a.hxz >bad.hxz
	salvaged bad.hxz "$IN/noise"
	{ head -c 1000 /dev/urandom; tail -c +1001 a.hxz; } >bad.hxz
	salvaged bad.hxz "$IN/noise"
}

@test "a stream that was cut in a pipe" {
	hexz-chunk "$IN/noise" >a.hxs
	head -c 800000 a.hxs >bad.hxs
	salvaged bad.hxs "$IN/noise"
	run -3 --separate-stderr bash -c "cat bad.hxs | hexz-unseal --salvage -o from.pipe"
	run -3 --separate-stderr hexz-unseal --salvage -o from.file bad.hxs
	cmp from.pipe from.file
}

@test "references to what is lost are lost, too" {
	cat "$IN/noise" "$IN/noise" >twice
	hexz-chunk twice | hexz-dedup | hexz-seal -o a.hxz
	poke a.hxz 500000
	salvaged a.hxz twice
	"$PYTHON" -c 'import json; r = json.load(open("lost.json")); assert len(r["lost"]) == 2 and "refers" in r["lost"][1]["reason"], r'
}

@test "an encrypted archive, with the key" {
	hexz-keygen encrypt -o me.key >me.pub
	hexz-chunk "$IN/noise" | hexz-compress | hexz-seal -R me.pub -o a.hxz
	hexz-unseal -i me.key a.hxz >a.hxs
	hexz-unseal --salvage -i me.key a.hxz | cmp - a.hxs
	cp a.hxz bad.hxz
	dd if=/dev/zero of=bad.hxz bs=1000 seek=400 count=20 conv=notrunc status=none
	salvaged bad.hxz "$IN/noise" -i me.key
	head -c 700000 a.hxz >bad.hxz
	salvaged bad.hxz "$IN/noise" -i me.key
	run -1 --separate-stderr hexz-unseal --salvage -o out bad.hxz
	one_error hexz-unseal
	# Without its clear header nothing can be had.
	{ head -c 400 /dev/zero; tail -c +401 a.hxz; } >bad.hxz
	run -3 --separate-stderr hexz-unseal --salvage -i me.key -o out bad.hxz
	[[ $stderr == *"clear header is damaged"* ]] || fail "$stderr"
	[ ! -e out ]
}

@test "patches: those whose bases are lost are lost, the others are restored right" {
	"$PYTHON" -c '
import random
r = random.Random("patches")
old = b" ".join(r.randbytes(4).hex().encode() for _ in range(110000))
new = bytearray(old)
for at in range(0, len(new), 100):
    new[at] ^= 1
open("old", "wb").write(old)
open("new", "wb").write(new)
'
	mkdir parents
	pack old parents/old.hxz
	hexz-chunk new | hexz-dedup --parent parents/old.hxz | hexz-delta --parent parents/old.hxz | hexz-compress -b 4K | hexz-seal -o new.hxz
	hexz-cat --keep-going --parent-dir parents new.hxz | cmp - new
	run -3 --separate-stderr hexz-cat --keep-going -o out new.hxz
	one_error hexz-cat
	[ "$(size out)" -eq "$(size new)" ]

	# A segment of patches, and a segment of the parent.
	cp new.hxz bad.hxz
	poke bad.hxz 3000
	run -3 --separate-stderr hexz-cat --keep-going --parent-dir parents --report lost.json -o kept bad.hxz
	check_report lost.json new kept
	run -3 bash -c 'hexz-unseal --salvage bad.hxz | hexz-seal -o saved.hxz; exit ${PIPESTATUS[0]}'
	hexz-verify --parent-dir parents saved.hxz
	hexz-cat --parent-dir parents saved.hxz | cmp - kept
	poke parents/old.hxz 200000
	run -3 --separate-stderr hexz-cat --keep-going --parent-dir parents --report lost.json -o kept new.hxz
	check_report lost.json new kept

	# Bases in the archive itself.
	hexz-chunk old=old new=new | hexz-dedup | hexz-delta --self | hexz-compress | hexz-seal -o self.hxz
	poke self.hxz 200000
	run -3 --separate-stderr bash -c 'hexz-unseal --salvage self.hxz | hexz-seal -o saved.hxz; exit ${PIPESTATUS[0]}'
	hexz-verify saved.hxz
	for name in old new; do
		run -3 --separate-stderr hexz-cat --keep-going --stream "$name" --report lost.json -o kept self.hxz
		check_report lost.json "$name" kept
		hexz-cat --stream "$name" saved.hxz | cmp - kept
	done
}

@test "a read that fails is an error and no loss, wherever it is" {
	strace -f -qq -o trace -e inject=fsync:error=EIO true 2>/dev/null || skip "strace is missing, or not allowed here"
	pack "$IN/noise" a.hxz
	local fired=0 code
	for n in {1..24}; do
		code=0
		strace -f -qq -o trace -P "$PWD/a.hxz" -e trace=pread64 -e "inject=pread64:error=EIO:when=$n" \
			hexz-unseal -T 1 --salvage -o out a.hxz 2>err || code=$?
		if grep -q INJECTED trace; then
			fired=$((fired + 1))
			[ $code -eq 1 ] || fail "read $n: exit code $code: $(cat err)"
			grep -q "input/output error" err || fail "read $n: $(cat err)"
			[ ! -e out ]
		else
			[ $code -eq 0 ] || fail "no read failed: exit code $code: $(cat err)"
			rm -f out
		fi
	done
	[ $fired -gt 3 ] || fail "only $fired reads failed"
}
