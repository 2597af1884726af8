# Codecs that hexz does not have: hexz-compress --command makes them, --codec-command reads them.

load helper

# foreign IN OUT NAME=COMMAND [FLAG OF hexz-compress]...: an archive with payloads of another codec.
foreign() { hexz-chunk "$1" | hexz-dedup | hexz-compress --command "$3" "${@:4}" | hexz-seal -o "$2"; }

# rotated: x.hxz, whose payloads went through tr and gzip, and plain.hxz with the same content.
rotated() {
	foreign "$IN/records.json" x.hxz rot='tr a-z b-za | gzip -n'
	pack "$IN/records.json" plain.hxz
	rot=rot='gzip -dc | tr b-za a-z'
}

@test "a codec by a command: written, and read by every binary" {
	rotated
	hexz-inspect --json x.hxz | "$PYTHON" -c 'import json, sys; r = json.load(sys.stdin); assert "rot" in str(r["codecs"]), r'
	hexz-verify --codec-command "$rot" x.hxz
	hexz-cat --codec-command "$rot" x.hxz | cmp - "$IN/records.json"
	hexz-cat --codec-command "$rot" <x.hxz | cmp - "$IN/records.json"
	hexz-cat --codec-command "$rot" --offset 70000 --length 999 x.hxz | cmp - <(tail -c +70001 "$IN/records.json" | head -c 999)
	hexz-compress -d --codec-command "$rot" x.hxz | hexz-cat | cmp - "$IN/records.json"
	hexz-compress --codec-command "$rot" x.hxz | hexz-seal -o again.hxz
	hexz-diff --codec-command "$rot" x.hxz again.hxz
	hexz-cat again.hxz | cmp - "$IN/records.json"
	hexz-dedup --codec-command "$rot" x.hxz | hexz-cat --codec-command "$rot" | cmp - "$IN/records.json"
	hexz-unseal x.hxz | hexz-seal | cmp - x.hxz # nothing is decoded
	{ cat "$IN/records.json"; echo more; } >next
	hexz-chunk next | hexz-dedup --parent x.hxz | hexz-delta --codec-command "$rot" --parent x.hxz | hexz-compress | hexz-seal -o thin.hxz
	hexz-cat --codec-command "$rot" thin.hxz | cmp - next
	hexz-unseal --flatten --codec-command "$rot" thin.hxz | hexz-seal -o flat.hxz
	hexz-cat flat.hxz | cmp - next
}

@test "any number of threads: the same bytes, and what does not become smaller is stored as it is" {
	foreign "$IN/noise" a.hxz gz='gzip -n' -T 1 -b 16K
	foreign "$IN/noise" b.hxz gz='gzip -n' -T 4 -b 16K
	cmp a.hxz b.hxz
	hexz-cat a.hxz | cmp - "$IN/noise" # of the codec none
	foreign "$IN/records.json" c.hxz gz='gzip -n' -T 4 -b 16K
	hexz-cat -T 4 --codec-command gz='gzip -dc' c.hxz | cmp - "$IN/records.json"
}

@test "without the command: said once, exit 6, and no damage" {
	rotated
	for command in "hexz-verify x.hxz" "hexz-cat -o out x.hxz" "hexz-compress -o out x.hxz" "hexz-compress -d -o out x.hxz" "hexz-cat --codec-command gz=cat -o out x.hxz"; do
		run -6 --separate-stderr bash -c "$command"
		one_error "${command%% *}"
		[[ ${stderr_lines[0]} == *": needs codec rot" ]] || fail "$command: $stderr"
		[[ ${stderr_lines[1]} == *"--codec-command rot="* ]] || fail "$command: $stderr"
	done
	run -6 --separate-stderr bash -c "hexz-cat <x.hxz"
	one_error hexz-cat
	hexz-verify --level stored x.hxz
	hexz-inspect --chunks x.hxz >/dev/null
	only plain.hxz x.hxz
	poke x.hxz 5000 # damage counts for more
	run -3 --separate-stderr hexz-verify x.hxz
	[[ $stderr == *" is damaged"* ]]
	hexz-cat --man | grep -A 1 '^\.B 6' | grep -q codec
}

@test "a codec name that is damaged: damage, from a pipe as from a file" {
	seq 50000 >in
	hexz-chunk in | hexz-dedup >in.hxs
	hexz-seal -o six.hxz in.hxs
	# The name of the first codec, a bit of which is flipped.
	for file in six.hxz in.hxs; do
		"$PYTHON" -c 'import sys; p = open(sys.argv[1], "rb").read(); assert b"\xa4none" in p
open(sys.argv[1], "wb").write(p.replace(b"\xa4none", b"\xa4oone", 1))' "$file"
	done
	run -3 --separate-stderr hexz-cat -o out six.hxz
	for command in "hexz-cat -T 1" "hexz-cat -T 3" "hexz-compress -T 3" "hexz-compress -d -T 3" "hexz-delta --self"; do
		run -3 --separate-stderr bash -c "cat six.hxz | $command -o out"
		one_error "${command%% *}"
		[[ $stderr == *damaged* && $stderr != *"needs codec"* ]] || fail "$command: $stderr"
		run -6 --separate-stderr bash -c "cat in.hxs | $command -o out" # a stream has no digests
		[[ $stderr == *"needs codec oone"* ]] || fail "$command: $stderr"
	done
	only in in.hxs six.hxz
	rotated
	run -6 --separate-stderr bash -c "cat x.hxz | hexz-cat -o out" # sound
	head -c -100 x.hxz >cut.hxz
	run -4 --separate-stderr bash -c "cat cut.hxz | hexz-cat -o out" # what comes upstream failed
}

@test "salvage keeps what it cannot decode" {
	foreign "$IN/records.json" x.hxz rot='tr a-z b-za | gzip -n' -b 32K
	rot=rot='gzip -dc | tr b-za a-z'
	hexz-unseal --salvage x.hxz | hexz-seal | cmp - x.hxz
	head -c -200 x.hxz >cut.hxz # without index
	hexz-unseal --salvage --codec-command "$rot" cut.hxz | cmp - <(hexz-unseal x.hxz)
	run -3 --separate-stderr hexz-unseal --salvage --report cut.json -o cut.hxs cut.hxz
	grep -q 'needs codec rot' cut.json
	poke x.hxz $(($(size x.hxz) / 2))
	run -3 --separate-stderr bash -c 'hexz-unseal --salvage --report lost.json x.hxz | hexz-seal -o saved.hxz; exit ${PIPESTATUS[0]}'
	[ "$("$PYTHON" -c 'import json; print(json.load(open("lost.json"))["lost_bytes"] < 100000)')" = True ]
	hexz-verify --codec-command "$rot" saved.hxz
	run -6 --separate-stderr hexz-cat --keep-going -o out saved.hxz
	hexz-cat --keep-going --codec-command "$rot" -o out saved.hxz
	[ "$(size out)" -eq "$(size "$IN/records.json")" ]
}

@test "a command that fails, or makes something else" {
	rotated
	run -1 --separate-stderr hexz-cat --codec-command rot='exit 9' -o out x.hxz
	one_error hexz-cat
	[[ $stderr == *'codec rot: "exit 9" ended with exit code 9'* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-cat --codec-command rot=no-such-command -o out x.hxz
	[[ $stderr == *"ended with exit code 127"* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-verify --codec-command rot='kill -9 $$' x.hxz
	[[ $stderr == *"signal: killed"* ]] || fail "$stderr"
	for wrong in cat 'gzip -dc' 'gzip -dc | head -c 100' 'cat; yes' true; do
		run -3 --separate-stderr hexz-cat --codec-command "rot=$wrong" -o out x.hxz
		one_error hexz-cat
	done
	run -1 --separate-stderr bash -c "hexz-chunk $IN/records.json | hexz-compress --command x='cat >/dev/null; exit 7' -o out"
	[[ $stderr == *'codec x: "cat >/dev/null; exit 7" ended with exit code 7'* ]] || fail "$stderr"
	hexz-chunk "$IN/records.json" | hexz-compress --command x=yes | hexz-cat | cmp - "$IN/records.json" # never smaller
	only plain.hxz x.hxz
}

@test "an encoder that loses the data" {
	local in=$IN/records.json
	for empty in true 'head -c 0' 'cat >/dev/null'; do
		run -1 --separate-stderr bash -c 'hexz-chunk "$1" | hexz-compress --command "x=$2" -o out' - "$in" "$empty"
		one_error hexz-compress
		[[ $stderr == *"segment at offset 0: codec x: the encoder made nothing of "*" bytes"* ]] || fail "$stderr"
	done
	for wrong in 'head -c 10' 'gzip -c | head -c 500' 'tr a b | gzip'; do
		run -1 --separate-stderr bash -c 'hexz-chunk "$1" | hexz-compress --command "x=$2" --codec-command "x=gzip -dcq 2>/dev/null || :" -o out' - "$in" "$wrong"
		one_error hexz-compress
		[[ $stderr == *"segment at offset 0: codec x: what the encoder made of "*" bytes does not decode to them"* ]] || fail "$stderr"
	done
	hexz-chunk "$in" | hexz-compress --command x=gzip --codec-command y=false | hexz-cat --codec-command x='gzip -dc' | cmp - "$in" # of another codec
	foreign "$in" x.hxz x=gzip --codec-command x='gzip -dc'
	hexz-verify --codec-command x='gzip -dc' x.hxz
	only x.hxz
}

@test "what a command has started ends with it, and with us" {
	rotated
	export MARK=$PWD/mark
	hexz-cat --codec-command 'rot=sleep 1000 >/dev/null & echo $! >>"$MARK"; gzip -dc | tr b-za a-z' x.hxz | cmp - "$IN/records.json"
	local cat before
	before=$(wc -l <"$MARK")
	hexz-cat --codec-command 'rot=echo $$ >>"$MARK"; sleep 1000 & echo $! >>"$MARK"; wait' -o out x.hxz &
	cat=$!
	until [ "$(wc -l <"$MARK")" -ge $((before + 2)) ]; do sleep 0.1; done
	kill -TERM "$cat"
	local status=0
	wait "$cat" || status=$?
	[ "$status" -eq 143 ] || fail "exit $status"
	while read -r pid; do
		until [ ! -d "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status"; do sleep 0.1; done
	done <"$MARK"
}
