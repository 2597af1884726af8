# Signatures, with keys of minisign and for minisign.
# shellcheck disable=SC2016,SC2154

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	minisign -G -W -p alice.pub -s alice.key >/dev/null
	minisign -G -W -p bob.pub -s bob.key >/dev/null
	hexz-keygen sign --no-passphrase -o carol.key >carol.line
	hexz-keygen encrypt -o age.key >age.pub
	echo password >pass
	hexz-chunk "$IN/noise" | hexz-compress >in.hxs
	hexz-seal -o plain.hxz in.hxs
	hexz-seal -q -R age.pub -o sealed.hxz in.hxs
	export K=$PWD
}

# id PUB prints the id of a key. minisign leaves out zeros at its start.
id() { printf '%16s' "$(sed -n '1s/.* //p' "$1")" | tr ' ' 0; }

# signers FILE prints the ids of the keys that have signed, in order.
signers() { hexz-inspect --json "$1" | jq -r '.signatures | join(" ")'; }

# as_nobody BINARY ARG...: runs it without the rights of root, in the current directory.
as_nobody() {
	"$PYTHON" - "$(command -v "$1")" "$@" <<-'END'
		import os, sys
		binary = os.open(sys.argv[1], os.O_RDONLY)
		if os.getuid() == 0:
		    os.setgroups([])
		    os.setgid(65534)
		    os.setuid(65534)
		os.execve(binary, sys.argv[2:], os.environ)
	END
}

@test "keys of minisign: hexz-seal --sign and hexz-sign" {
	hexz-seal --sign "$K/alice.key" -o a.hxz "$K/in.hxs"
	[ "$(signers a.hxz)" = "$(id "$K/alice.pub")" ]
	cp a.hxz before
	run -0 --separate-stderr hexz-sign -v -k "$K/bob.key" -k "$K/carol.key" a.hxz
	[ "$stderr" = "$(printf 'hexz-sign: a.hxz: signed by key %s\n' "$(id "$K/bob.pub")" "$(id "$K/carol.key.pub")")" ] || fail "$stderr"
	cmp before <(head -c "$(size before)" a.hxz)
	[ "$(signers a.hxz)" = "$(id "$K/alice.pub") $(id "$K/bob.pub") $(id "$K/carol.key.pub")" ]
	hexz-verify --signed-by "$K/alice.pub" --signed-by "$K/bob.pub" --signed-by "$K/carol.key.pub" a.hxz
	hexz-cat a.hxz | cmp - "$IN/noise"
	# shellcheck disable=SC2002
	cat a.hxz | hexz-cat | cmp - "$IN/noise"
	# The same bytes, whether signed at once or later.
	hexz-seal --sign "$K/alice.key" -o b.hxz "$K/in.hxs"
	hexz-sign -k "$K/bob.key" -k "$K/carol.key" b.hxz
	cmp a.hxz b.hxz
	# Once is enough.
	run -0 --separate-stderr hexz-sign -v -k "$K/bob.key" a.hxz
	[ "$stderr" = "hexz-sign: warning: a.hxz: key $(id "$K/bob.pub") has signed already" ] || fail "$stderr"
	run -0 --separate-stderr hexz-sign -q -k "$K/alice.key" a.hxz
	[ -z "$stderr" ]
	hexz-sign -k "$K/bob.key" -k "$K/bob.key" before
	[ "$(signers before)" = "$(id "$K/alice.pub") $(id "$K/bob.pub")" ]
	cmp a.hxz b.hxz
}

@test "a key of minisign with a password" {
	printf 'password\npassword\n' | minisign -G -p dora.pub -s dora.key >/dev/null
	cp "$K/plain.hxz" a.hxz
	hexz-sign -k dora.key --passphrase-file "$K/pass" a.hxz
	hexz-verify --signed-by dora.pub a.hxz
	# All without one fail before the work begins.
	run -1 --separate-stderr setsid -w hexz-sign -k dora.key a.hxz
	one_error hexz-sign
	[[ $stderr == *"no terminal"*"hint: "*--passphrase-file* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-seal --sign dora.key --passphrase-command 'echo wrong' -o b.hxz "$K/in.hxs"
	[[ $stderr == *"dora.key: "*"wrong passphrase"* ]] || fail "$stderr"
	[ ! -e b.hxz ]
}

@test "a key of hexz-keygen with a passphrase, for minisign" {
	run -1 on_terminal 'exec hexz-keygen sign -o eve.key' pw pv
	[[ $output == *"the two passphrases differ"* ]] || fail "$output"
	run -130 on_terminal 'exec hexz-keygen sign -o eve.key' pw ^C
	[[ $output != *"echo is off"* ]] || fail "$output"
	only
	run -0 on_terminal 'exec hexz-keygen sign -o eve.key >line' pw pw
	[ "$output" = $'passphrase for eve.key: <answer>\nagain: <answer>' ] || fail "$output"
	[ "$(cat line)" = "$(tail -1 eve.key.pub)" ]
	echo hello >text
	minisign -S -s eve.key -m text <<<pw >/dev/null
	minisign -V -q -p eve.key.pub -m text
	only eve.key eve.key.pub line text text.minisig
}

@test "a key of hexz-keygen without a passphrase, for minisign" {
	umask 022
	hexz-keygen sign --no-passphrase -o s.key >line
	[ "$(stat -c %a s.key s.key.pub | xargs)" = "600 644" ]
	[ "$(cat line)" = "$(tail -1 s.key.pub)" ]
	echo hello >text
	minisign -S -s s.key -m text </dev/null >/dev/null
	minisign -V -q -P "$(cat line)" -m text
	minisign -V -q -p s.key.pub -m text
	# Neither of the two files is overwritten, and none made if one cannot be.
	run -1 --separate-stderr hexz-keygen sign --no-passphrase -o s.key
	[[ $stderr == *"s.key exists already"* ]]
	mv s.key t.key
	run -1 --separate-stderr hexz-keygen sign --no-passphrase -o s.key
	[[ $stderr == *"s.key.pub exists already"*"hint: "* ]] || fail "$stderr"
	minisign -V -q -p s.key.pub -m text
	only line s.key.pub t.key text text.minisig
}

@test "minisign accepts what hexz-inspect exports" {
	hexz-seal --sign "$K/alice.key" -R "$K/age.pub" -q -o a.hxz "$K/in.hxs"
	hexz-sign -k "$K/carol.key" a.hxz
	hexz-inspect --export-signed signed a.hxz
	only a.hxz signed.txt "signed.$(id "$K/alice.pub").minisig" "signed.$(id "$K/carol.key.pub").minisig"
	[ "$(cat signed.txt)" = "$(printf 'hexz archive v1\n%s' "$(hexz-inspect --json a.hxz | jq -r .id)")" ]
	for pub in alice.pub carol.key.pub; do
		run -0 minisign -V -p "$K/$pub" -m signed.txt -x "signed.$(id "$K/$pub").minisig"
		[[ $output == *"Trusted comment: hexz archive $(tail -1 signed.txt)"* ]] || fail "$output"
	done
	run ! minisign -V -p "$K/bob.pub" -m signed.txt -x "signed.$(id "$K/alice.pub").minisig"
	run -1 hexz-inspect --export-signed none "$K/plain.hxz"
}

@test "--signed-by: a file or a line, several, one that is missing" {
	cp "$K/plain.hxz" a.hxz
	run -5 --separate-stderr hexz-verify --signed-by "$K/alice.pub" a.hxz
	[[ $stderr == *"not signed by key $(id "$K/alice.pub"), nor by any other"* ]] || fail "$stderr"
	hexz-sign -k "$K/alice.key" -k "$K/carol.key" a.hxz
	for level in structure stored content; do
		hexz-verify --level $level --signed-by "$K/alice.pub" --signed-by "$(cat "$K/carol.line")" a.hxz
		hexz-verify --level $level --signed-by "$(tail -1 "$K/alice.pub")" a.hxz
		run -5 --separate-stderr hexz-verify --level $level --signed-by "$K/alice.pub" --signed-by "$K/bob.pub" a.hxz
		[[ $stderr == *"not signed by key $(id "$K/bob.pub"); "*"signatures"*"by $(id "$K/alice.pub"), $(id "$K/carol.key.pub")"* ]] || fail "$stderr"
	done
	run -1 --separate-stderr hexz-verify --signed-by missing.pub a.hxz
	[[ $stderr == *"missing.pub"*"hint: "* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-verify --signed-by "$K/alice.key" a.hxz
	[[ $stderr == *"secret key"* ]] || fail "$stderr"
	# What is signed is every byte.
	poke a.hxz 5000
	run -3 hexz-verify --level stored --signed-by "$K/alice.pub" a.hxz
}

@test "a missing signature has an exit code of its own, and damage another" {
	cp "$K/plain.hxz" a.hxz
	hexz-sign -k "$K/bob.key" a.hxz
	for tool in hexz-cat hexz-unseal; do
		run -5 --separate-stderr $tool --signed-by "$K/alice.pub" -o out a.hxz
		one_error $tool
		run -5 $tool --signed-by "$K/alice.pub" -o out <a.hxz
		run -5 bash -c 'cat a.hxz | "$1" --signed-by "$K/alice.pub" -o out' - $tool
		run -5 $tool --signed-by "$K/alice.pub" -o out "$K/in.hxs"
		[ ! -e out ]
		$tool --signed-by "$K/bob.pub" a.hxz >/dev/null
	done
	# The next stage sees a stage that failed.
	run -4 bash -c 'set -o pipefail; hexz-unseal --signed-by "$K/alice.pub" a.hxz 2>/dev/null | hexz-seal -o out'
	# Of several archives, one that is damaged counts for more.
	cp a.hxz b.hxz
	poke b.hxz 5000
	run -5 hexz-verify --signed-by "$K/alice.pub" a.hxz
	run -3 hexz-verify --signed-by "$K/bob.pub" a.hxz b.hxz
	cp "$K/plain.hxz" c.hxz
	run -3 hexz-verify --signed-by "$K/bob.pub" c.hxz b.hxz
}

@test "an encrypted archive is signed and checked without an identity" {
	cp "$K/sealed.hxz" a.hxz
	ln -s a.hxz link.hxz
	hexz-sign -k "$K/alice.key" link.hxz
	[ -L link.hxz ]
	hexz-verify --level stored --signed-by "$K/alice.pub" a.hxz
	hexz-verify -i "$K/age.key" --signed-by "$K/alice.pub" a.hxz
	hexz-cat -i "$K/age.key" a.hxz | cmp - "$IN/noise"
	only a.hxz link.hxz
}

@test "interrupted: the archive is what it was, and can be signed again" {
	cp "$K/plain.hxz" a.hxz
	hexz-sign -k "$K/alice.key" a.hxz
	from=$(size a.hxz)
	cp a.hxz b.hxz
	hexz-sign -k "$K/bob.key" b.hxz
	hexz-sign -k "$K/carol.key" -k "$K/bob.key" a.hxz
	mv a.hxz torn.hxz
	head -c "$from" torn.hxz >a.hxz
	to=$(size torn.hxz)
	hexz-inspect a.hxz >want
	for at in $((from + 1)) $((to - 1)) $(for ((n = 0; n < 8; n++)); do echo $((from + 1 + RANDOM % (to - from - 1))); done); do
		head -c "$at" torn.hxz >c.hxz
		run -0 --separate-stderr hexz-verify --signed-by "$K/alice.pub" c.hxz
		[[ $stderr == *"warning: c.hxz: after the archive is what an interrupted signing has left"* ]] || fail "cut at $at: $stderr"
		run -5 hexz-verify --signed-by "$K/bob.pub" c.hxz
		hexz-inspect c.hxz | cmp - want || fail "cut at $at: another report"
		hexz-cat <c.hxz | cmp - "$IN/noise"
		# By fewer keys than it was to be.
		hexz-sign -k "$K/bob.key" c.hxz
		cmp c.hxz b.hxz || fail "cut at $at: signed again it is another archive"
	done
}

@test "a power cut in an append: blocks that were not written cost the new signatures, and nothing else" {
	cp "$K/plain.hxz" a.hxz
	hexz-sign -k "$K/alice.key" a.hxz
	from=$(size a.hxz)
	cp a.hxz whole.hxz
	hexz-sign -k "$K/carol.key" -k "$K/bob.key" whole.hxz
	to=$(size whole.hxz)
	first=$((from / 512)) last=$(((to - 1) / 512))
	for ((lost = first; lost <= last; lost++)); do
		for until in $lost $last; do # one block alone, or all from there on
			cp whole.hxz c.hxz
			start=$((lost * 512 < from ? from : lost * 512)) end=$(((until + 1) * 512 > to ? to : (until + 1) * 512))
			dd if=/dev/zero of=c.hxz bs=1 seek="$start" count=$((end - start)) conv=notrunc status=none
			run -0 --separate-stderr hexz-verify --signed-by "$K/alice.pub" c.hxz
			[[ $stderr == *"warning: c.hxz: "* ]] || fail "blocks $lost to $until: $stderr"
			run -5 hexz-verify --signed-by "$K/bob.pub" c.hxz
			run -5 hexz-cat --signed-by "$K/bob.pub" -o out c.hxz
			hexz-cat c.hxz | cmp - "$IN/noise"
			hexz-cat <c.hxz | cmp - "$IN/noise"
			hexz-unseal <c.hxz | hexz-seal >/dev/null
			hexz-sign -k "$K/bob.key" c.hxz
			run -0 --separate-stderr hexz-verify --signed-by "$K/alice.pub" --signed-by "$K/bob.pub" c.hxz
			[ -z "$stderr" ]
		done
	done
}

@test "several at a time: no signature is lost" {
	cp "$K/plain.hxz" a.hxz
	for n in {1..6}; do
		hexz-keygen sign --no-passphrase -o "$n.key" >/dev/null
	done
	pids=()
	for n in {1..6}; do
		hexz-sign -k "$n.key" a.hxz &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	for n in {1..6}; do
		hexz-verify --level stored --signed-by "$n.key.pub" a.hxz
	done
}

@test "what is not signed, and stays as it is" {
	# refused CODE FILE TEXT...: hexz-sign says so of FILE, which does not change.
	refused() {
		local code=$1 file=$2 text
		shift 2
		sha256sum "$file" >sum
		run -"$code" --separate-stderr hexz-sign -k "$K/alice.key" "$file"
		one_error hexz-sign
		for text; do
			[[ $stderr == "hexz-sign: $file: "*"$text"* ]] || fail "$file: $stderr"
		done
		sha256sum --status -c sum || fail "$file has changed"
	}
	cp "$K/plain.hxz" damaged.hxz
	poke damaged.hxz 300000
	refused 3 damaged.hxz "damaged"
	head -c 500000 "$K/plain.hxz" >cut.hxz
	refused 3 cut.hxz "cut short"
	cp "$K/in.hxs" stream.hxs
	refused 3 stream.hxs "this is a chunk stream, not an archive"
	: >empty
	refused 3 empty
	mkdir dir
	mkfifo fifo
	for file in dir fifo /dev/null -; do
		run -2 --separate-stderr hexz-sign -k "$K/alice.key" $file
		[[ $stderr == "hexz-sign: $file: "*"hint: "* ]] || fail "$file: $stderr"
	done
	run -1 --separate-stderr hexz-sign -k "$K/alice.key" missing.hxz
	[ "$stderr" = "hexz-sign: missing.hxz: no such file or directory" ] || fail "$stderr"
	cp "$K/plain.hxz" readonly.hxz
	chmod 444 readonly.hxz
	cp "$K/alice.key" open.key
	chmod 644 open.key
	run -1 --separate-stderr as_nobody hexz-sign -k open.key readonly.hxz
	[[ $stderr == "hexz-sign: readonly.hxz: cannot be written to: permission denied"*"hint: "* ]] || fail "$stderr"
	cmp readonly.hxz "$K/plain.hxz"
	# One that fails does not keep others from being signed.
	cp "$K/plain.hxz" good.hxz
	run -3 hexz-sign -k "$K/alice.key" missing.hxz damaged.hxz good.hxz
	hexz-verify --signed-by "$K/alice.pub" good.hxz

	run -2 --separate-stderr hexz-sign good.hxz
	[[ $stderr == "hexz-sign: -k is missing: a key to sign with"*"hint: "*"-k"* ]] || fail "$stderr"
	run -2 hexz-sign -k "$K/alice.key"
	run -2 bash -c 'hexz-sign -k - good.hxz <"$K/alice.key"'
	run -1 --separate-stderr hexz-sign -k "$K/alice.pub" good.hxz
	[[ $stderr == *"alice.pub: this is a minisign public key"* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-sign -k "$K/age.key" good.hxz
	one_error hexz-sign
	[[ $stderr != *AGE-SECRET* ]]
}
