# Archives and streams that are cut, flipped, mixed up or no such thing.

load helper

STAGES=(hexz-dedup hexz-compress "hexz-compress -d" hexz-seal hexz-unseal hexz-cat)

# never_wrong WHAT: whatever is done with bad.hxz gives no bytes but those of the file in, and
# no success.
never_wrong() {
	local code cat
	code=0
	hexz-verify bad.hxz >verify.out 2>verify.err || code=$?
	[ $code -eq 3 ] || fail "$1: hexz-verify: exit $code"
	for cat in "hexz-cat bad.hxz" "cat bad.hxz | hexz-cat"; do
		code=0
		bash -o pipefail -c "$cat" >out 2>cat.err || code=$?
		if [ $code -eq 0 ]; then
			cmp -s in out || fail "$1: $cat: wrong bytes and exit 0"
		else
			[ $code -eq 3 ] || [ $code -eq 4 ] || fail "$1: $cat: exit $code: $(cat cat.err)"
			# What was written before is right, and more is not written.
			cmp -s -n "$(size out)" in out || fail "$1: $cat: wrong bytes"
			! grep -q panic cat.err || fail "$1: $cat: $(cat cat.err)"
		fi
	done
	code=0
	hexz-unseal bad.hxz 2>/dev/null >bad.hxs || code=$?
	[ $code -eq 3 ] || fail "$1: hexz-unseal: exit $code"
	! hexz-seal -o again.hxz bad.hxs 2>/dev/null || fail "$1: hexz-seal takes the rest"
	code=0
	hexz-inspect --chunks bad.hxz >inspect.out 2>inspect.err || code=$?
	[ $code -eq 0 ] || [ $code -eq 3 ] || fail "$1: hexz-inspect: exit $code"
	! grep -q panic verify.err inspect.err || fail "$1: $(cat verify.err inspect.err)"
}

# Small, with all kinds of entries, and two segments at least.
small_archive() {
	{ head -c 3000 "$IN/tree.tar"; head -c 5000 /dev/zero; head -c 3000 "$IN/tree.tar"; head -c 2000 "$IN/noise"; } >in
	truncate -s 40000 in
	hexz-chunk --avg 1K in | hexz-dedup | hexz-compress -b 2K | hexz-seal -o good.hxz
}

@test "a flipped byte anywhere" {
	small_archive
	size=$(size good.hxz)
	for ((at = 0; at < size; at += at < 80 || at > size - 200 ? 3 : 19)); do
		cp good.hxz bad.hxz
		poke bad.hxz $at
		never_wrong "byte $at of $size"
	done
}

@test "a flipped bit in each byte of header, root and trailer" {
	small_archive
	size=$(size good.hxz)
	for at in {0..40} $(seq $((size - 64)) $((size - 1))); do
		cp good.hxz bad.hxz
		flip bad.hxz $at 1
		never_wrong "byte $at of $size"
	done
}

@test "an archive that is cut, anywhere" {
	small_archive
	size=$(size good.hxz)
	printf old >file
	for cut in 0 1 2 7 8 $(seq 20 97 "$size") $((size - 65)) $((size - 64)) $((size - 63)) $((size - 1)); do
		head -c "$cut" good.hxz >bad.hxz
		never_wrong "cut to $cut bytes of $size"
		run -3 --separate-stderr hexz-cat -o file bad.hxz
		one_error hexz-cat
		[ "$(cat file)" = old ]
	done
}

@test "bytes put in, taken out, appended and put in front" {
	small_archive
	size=$(size good.hxz)
	half=$((size / 2))
	{ head -c $half good.hxz; printf '\0'; tail -c +$((half + 1)) good.hxz; } >bad.hxz
	never_wrong "a byte more"
	{ head -c $half good.hxz; tail -c +$((half + 2)) good.hxz; } >bad.hxz
	never_wrong "a byte less"
	{ cat good.hxz; printf '\xc0'; } >bad.hxz
	never_wrong "a byte at the end"
	{ printf '\xc0'; cat good.hxz; } >bad.hxz
	never_wrong "a byte in front"
	cat good.hxz good.hxz >bad.hxz
	never_wrong "twice"
	{ head -c $half good.hxz; head -c 300 /dev/zero; tail -c +$((half + 301)) good.hxz; } >bad.hxz
	never_wrong "zeros"
}

@test "parts of two archives" {
	small_archive
	mv good.hxz one.hxz
	hexz-chunk --avg 1K "$IN/one" | hexz-seal -o other.hxz
	{ head -c -64 one.hxz; tail -c 64 other.hxz; } >bad.hxz
	never_wrong "trailer of another"
	hexz-unseal one.hxz >body
	{ head -c "$(size body)" one.hxz; tail -c 64 one.hxz; } >bad.hxz
	never_wrong "no index"
	{ cat body; tail -c 64 one.hxz; } >bad.hxz
	never_wrong "a stream with a trailer"
}

@test "a stream whose frames are left out, doubled or swapped" {
	hexz-chunk --avg 1K "$IN/records.json" | hexz-compress -b 16K >good.hxs
	cat >edit.py <<-'END'
		import msgpack, sys
		frames = list(msgpack.Unpacker(open("good.hxs", "rb"), max_buffer_size=0))
		exec(sys.argv[1])
		sys.stdout.buffer.write(b"".join(msgpack.packb(f) for f in frames))
	END
	"$PYTHON" edit.py pass | cmp - good.hxs
	for edit in "del frames[0]" "del frames[1]" "del frames[2]" "del frames[5]" "del frames[-1]" "del frames[-2]" "del frames[-3]" \
		"frames.insert(5, frames[5])" "frames[5], frames[6] = frames[6], frames[5]" "frames.append(frames[-1])" "frames.insert(1, frames[0])" \
		"frames[5][5] += 1" "frames[5][4] = 'none'" "frames[5][2] = 1" \
		"frames[5][3][0][1] += 1" "frames[5][3][0][1] = 1 << 40" "frames[5][5] = 1 << 62" "frames[5][3] = []" "frames[5].append(0)" \
		"frames[-2][3] = bytes(32)" "frames[-2][2] += 1" "frames[-1][2] = bytes(32)" "frames[0][2] = 2" "frames[0][3] = ['magic']" \
		"frames.insert(5, [99, 1])" "frames[1][2] = ''" "frames[1][3] = 5" "frames.insert(3, [4, 1, b'x' * 2000000])"; do
		"$PYTHON" edit.py "$edit" >bad.hxs
		for stage in "${STAGES[@]}"; do
			run --separate-stderr bash -c "cat bad.hxs | $stage -o out"
			[[ $status -eq 3 || $edit == "del frames[-1]" && $status -eq 4 ]] || fail "$edit: $stage: exit $status"
			one_error "${stage% *}"
			[ ! -e out ]
		done
	done
	# A payload is looked at only by who decodes it.
	for edit in "frames[5][4] = 's2'" "frames[5][6] = frames[6][6]" "frames[5][6] += b'x'"; do
		"$PYTHON" edit.py "$edit" >bad.hxs
		for stage in hexz-compress "hexz-compress -d" hexz-cat; do
			run -3 --separate-stderr bash -c "cat bad.hxs | $stage -o out"
			one_error "${stage% *}"
			[ ! -e out ]
		done
	done
	# A codec that hexz does not have is no damage.
	"$PYTHON" edit.py "frames[5][4] = 'zip'" >bad.hxs
	for stage in hexz-compress "hexz-compress -d" hexz-cat; do
		run -6 --separate-stderr bash -c "cat bad.hxs | $stage -o out"
		one_error "${stage% *}"
		[ ! -e out ]
	done
	# What a newer version may add.
	"$PYTHON" edit.py 'frames.insert(3, [200, "later", {"a": 1}])' | hexz-cat | cmp - "$IN/records.json"
}

@test "bytes behind the end of a stream are an error for the stage behind too" {
	hexz-chunk "$IN/noise" >bad.hxs
	printf x >>bad.hxs
	for stage in hexz-dedup hexz-compress "hexz-compress -d" hexz-unseal; do
		run -4 --separate-stderr bash -c "$stage bad.hxs 2>/dev/null | hexz-seal -o out"
		[[ $stderr == *"upstream ${stage% *} failed"* ]]
	done
	only bad.hxs
}

@test "a chunk whose bytes are not those of its hash" {
	hexz-chunk "$IN/noise" >good.hxs
	"$PYTHON" -c 'import msgpack, sys
for f in msgpack.Unpacker(open("good.hxs", "rb"), max_buffer_size=0):
    if f[0] == 3 and f[2] == 0: f[6] = b"x" + f[6][1:]
    sys.stdout.buffer.write(msgpack.packb(f))' >bad.hxs
	run -3 --separate-stderr hexz-cat -o out bad.hxs
	[[ $stderr == *hash* ]]
	# Stages that do not look at content pass it on; who checks or reads it notices.
	hexz-seal -o bad.hxz bad.hxs
	hexz-verify --level stored bad.hxz
	unsound bad.hxz
	run -3 hexz-cat -o out bad.hxz
	[ ! -e out ]
	# What is not damaged can be had.
	hexz-cat --offset 1M bad.hxz | cmp - <(tail -c +1048577 "$IN/noise")
}

@test "a reference to a chunk that did not come" {
	hexz-chunk --avg 1K "$IN/twice" | hexz-dedup >good.hxs
	"$PYTHON" -c 'import msgpack, sys
for f in msgpack.Unpacker(open("good.hxs", "rb"), max_buffer_size=0):
    if f[0] == 3:
        for e in f[3]:
            if e[0] == 3: e[2] = bytes(32)
    sys.stdout.buffer.write(msgpack.packb(f))' >bad.hxs
	run ! hexz-seal -o out bad.hxs
	run ! hexz-cat -o out bad.hxs
	[ ! -e out ]
}

@test "garbage, empty input and other files" {
	head -c 100000 "$IN/noise" >garbage
	gzip -c "$IN/one" >one.gz
	for file in garbage one.gz "$IN/tree.tar" "$IN/records.json" "$IN/one"; do
		unsound "$file"
		for stage in "${STAGES[@]}" hexz-inspect; do
			out="-o out"
			[ $stage != hexz-inspect ] || out=
			run -3 --separate-stderr bash -c "cat $file | $stage $out"
			one_error "${stage% *}"
			[ ! -e out ] || fail "$stage leaves a file"
		done
	done
	unsound "$IN/empty"
	for stage in "${STAGES[@]}"; do
		run -4 --separate-stderr bash -c "$stage -o out </dev/null"
		one_error "${stage% *}"
		run -4 --separate-stderr bash -c ": | $stage -o out"
		run -3 --separate-stderr $stage -o out "$IN/empty"
	done
	only garbage one.gz
}

@test "hexz-verify --json: verdicts, positions of faults, signatures, missing parents" {
	pack "$IN/noise" a.hxz
	cp a.hxz bad.hxz
	at=$(hexz-inspect --json --segments a.hxz | jq -s '.[2]')
	poke bad.hxz $(($(jq .position <<<"$at") + 1000))
	hexz-verify --json a.hxz | jq -e '.version == 1 and .verdict == "sound" and .level == "content" and (.archives | length) == 1'
	run -3 --separate-stderr hexz-verify --json --level stored a.hxz bad.hxz
	[[ $stderr == "hexz-verify: bad.hxz: "* ]]
	jq -e --argjson at "$at" '.verdict == "damaged" and (.archives | map(.verdict)) == ["sound", "damaged"] and
		(.archives[1].faults | length) == 1 and .archives[1].faults[0].damage and
		.archives[1].faults[0].position == $at.position and .archives[1].faults[0].length == $at.frame_bytes' <<<"$output" || fail "$output"
	# A parent that is not there is no damage.
	mkdir other
	hexz-chunk "$IN/twice" | hexz-dedup --parent a.hxz | hexz-seal -o other/thin.hxz
	run -1 --separate-stderr hexz-verify --json other/thin.hxz
	jq -e --arg id "$(hexz-inspect --json a.hxz | jq -r .id)" '.verdict == "failed" and (.archives[0].faults | all(.damage | not)) and
		.archives[0].missing_parents == [{id: $id, hint: "a.hxz"}]' <<<"$output" || fail "$output"
	hexz-keygen sign --no-passphrase -o key >pub
	hexz-sign -k key a.hxz
	hexz-verify --json --signed-by key.pub a.hxz | jq -e '.archives[0] | (.signatures | length) == 1 and .signed_by == .signatures'
}
