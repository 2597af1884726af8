# Encrypted archives, with the keys of age and SSH that people have.
# shellcheck disable=SC2016,SC2154

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	age-keygen -o age.key 2>/dev/null
	age-keygen -y age.key >age.pub
	hexz-keygen encrypt -o hexz.key >hexz.pub
	hexz-keygen encrypt -o other.key >other.pub
	hexz-keygen chunk -o chunk.key
	ssh-keygen -q -t ed25519 -N '' -f ed25519
	ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
	ssh-keygen -q -t ed25519 -N 'pass phrase' -f ed25519-locked
	ssh-keygen -q -t rsa -b 2048 -N 'pass phrase' -f rsa-locked
	mv ed25519 ed25519.key
	mv rsa rsa.key
	mv ed25519-locked ed25519-locked.key
	mv rsa-locked rsa-locked.key
	printf 'pass phrase\nnot this line\n' >pass
	hexz-chunk --chunk-key-file chunk.key "$IN/twice" | hexz-dedup | hexz-compress >in.hxs
	hexz-seal -R hexz.pub -o a.hxz in.hxs
	export K=$PWD
}

# seal OUT FLAG...: the default pipeline, encrypted.
seal() {
	local out=$1
	shift
	hexz-seal "$@" -o "$out" "$K/in.hxs"
}

# opens FILE FLAG...: it is encrypted, and can be restored.
opens() {
	local file=$1
	shift
	hexz-verify --level stored "$file" || return 1
	[ "$(hexz-inspect --json "$file" | jq .locked)" = true ] || fail "$file is not locked"
	hexz-cat "$@" "$file" </dev/null | cmp - "$IN/twice" || fail "$file is not opened by $*"
}

# wrapped FILE prints the wrapped key in the first frame of an archive.
wrapped() {
	"$PYTHON" - "$1" <<-'END'
		import msgpack, sys
		frame = next(msgpack.Unpacker(open(sys.argv[1], "rb"), strict_map_key=False))
		assert frame[:4] == [0, "hexz", 1, ["encrypted"]], frame
		assert set(frame[4]) == {"age", "archive"} and frame[4]["archive"] is True, frame
		sys.stdout.buffer.write(frame[4]["age"])
	END
}

@test "keys of age-keygen, hexz-keygen and ssh-keygen: restored, and age opens the wrapped key" {
	for name in age hexz ed25519 rsa; do
		seal a.hxz -r "$(cat "$K/$name.pub")"
		opens a.hxz -i "$K/$name.key"
		hexz-verify -i "$K/$name.key" a.hxz
		hexz-unseal -i "$K/$name.key" a.hxz | cmp - "$K/in.hxs"
		wrapped a.hxz | age -d -i "$K/$name.key" >key
		[ "$(size key)" -eq 32 ] || fail "$name: the wrapped key has $(size key) bytes"
		run -1 --separate-stderr hexz-cat -i "$K/other.key" a.hxz
	done
}

@test "nothing of the content is in an encrypted archive" {
	hexz-chunk --chunker fixed secretname="$IN/records.json" | hexz-seal -R "$K/age.pub" -o a.hxz
	hexz-chunk --chunker fixed secretname="$IN/records.json" | hexz-seal -o plain.hxz
	for text in user1234 secretname fixed-v1 hexz-chunk; do
		run -0 grep -aqF $text plain.hxz
		run -1 grep -aqF $text a.hxz
	done
	# A second archive of the same has not a frame in common.
	hexz-chunk --chunker fixed secretname="$IN/records.json" | hexz-seal -R "$K/age.pub" -o b.hxz
	[ "$(size a.hxz)" -eq "$(size b.hxz)" ]
	[ "$(cmp -l a.hxz b.hxz | wc -l)" -gt $(($(size a.hxz) * 9 / 10)) ]
}

@test "SSH keys with a passphrase: by file, descriptor, command, terminal" {
	for name in ed25519 rsa; do
		seal a.hxz -R "$K/$name-locked.pub"
		opens a.hxz -i "$K/$name-locked.key" --passphrase-file "$K/pass"
		opens a.hxz -i "$K/$name-locked.key" --passphrase-fd 7 7<"$K/pass"
		opens a.hxz -i "$K/$name-locked.key" --passphrase-command 'echo pass phrase'
		run -0 on_terminal "exec hexz-cat -q -i $K/$name-locked.key -o out a.hxz" 'pass phrase'
		[ "${lines[0]}" = "passphrase for $K/$name-locked.key: <answer>" ] || fail "$output"
		cmp out "$IN/twice"
		run -1 --separate-stderr hexz-cat -i "$K/$name-locked.key" --passphrase-command 'echo wrong' a.hxz
		one_error hexz-cat
		[[ $stderr == *"SSH private key: wrong passphrase"* ]] || fail "$stderr"
		# Nobody is asked for the passphrase of a key that does not fit.
		run -1 --separate-stderr hexz-cat -i "$K/$name-locked.key" --passphrase-command 'echo ran >&2' "$K/a.hxz"
		[[ $stderr != *ran* ]] || fail "$stderr"
	done
	# An identity file that age encrypted.
	on_terminal "exec age -p -o locked.age $K/hexz.key" pw pw
	run -0 on_terminal "exec hexz-cat -q -i locked.age -o out $K/a.hxz" pw
	cmp out "$IN/twice"
}

@test "several recipients: each can open it" {
	{ echo '# those who may'; echo; cat "$K/hexz.pub" "$K/rsa.pub"; } >list
	seal a.hxz -r "$(cat "$K/age.pub")" -R list -R "$K/ed25519.pub"
	for name in age hexz rsa ed25519; do
		opens a.hxz -i "$K/$name.key"
	done
	# The one that fits need not be the first.
	opens a.hxz -i "$K/other.key" -i "$K/ed25519-locked.key" -i "$K/rsa.key"
	[ "$(hexz-inspect --json a.hxz | jq -c .recipients)" = '["X25519","X25519","ssh-rsa","ssh-ed25519"]' ]
	run -1 hexz-cat -i "$K/other.key" a.hxz
}

@test "a passphrase by file, descriptor and command" {
	seal a.hxz -p --passphrase-file "$K/pass"
	opens a.hxz --passphrase-fd 7 7<"$K/pass"
	opens a.hxz --passphrase-command "cat $K/pass"
	# Identities of another kind do no harm.
	opens a.hxz -i "$K/other.key" --passphrase-file "$K/pass"
	run -1 --separate-stderr hexz-cat --passphrase-command 'echo wrong' a.hxz
	one_error hexz-cat
	[ "${stderr_lines[0]}" = "hexz-cat: wrong passphrase" ] || fail "$stderr"
	for command in 'exit 3' true 'head -c 5000 /dev/zero'; do
		run -1 --separate-stderr hexz-cat --passphrase-command "$command" a.hxz
		[[ $stderr == "hexz-cat: "*"passphrase"* ]] || fail "$command: $stderr"
	done
	run -1 --separate-stderr hexz-cat --passphrase-file missing a.hxz
	[[ $stderr == *"missing: no such file"* ]]
	run -1 --separate-stderr hexz-cat --passphrase-fd 9 a.hxz 9>&-
	[[ $stderr == *"file descriptor 9"* ]]
}

@test "a passphrase on the terminal, while data comes from a pipe" {
	run -0 on_terminal "exec hexz-seal -q -p -o a.hxz $K/in.hxs" pw pw
	[ "$output" = $'passphrase for the new archive: <answer>\nagain: <answer>' ] || fail "$output"
	run -0 on_terminal 'cat a.hxz | hexz-cat -q -o out' pw
	[ "$output" = 'passphrase for the archive: <answer>' ] || fail "$output"
	cmp out "$IN/twice"
	run -0 on_terminal "$(declare -f wrapped); wrapped a.hxz >wrapped; exec age -d -o key wrapped" pw
	[ "$(size key)" -eq 32 ]

	run -1 on_terminal 'exec hexz-cat -o no a.hxz' wp
	[[ $output == *"hexz-cat: wrong passphrase"* ]] || fail "$output"
	run -1 on_terminal "exec hexz-seal -p -o no $K/in.hxs" pw pv
	[[ $output == *"the two passphrases differ"* ]] || fail "$output"
	run -1 on_terminal "exec hexz-seal -p -o no $K/in.hxs" ''
	[[ $output == *"the passphrase is empty"* ]] || fail "$output"
	only a.hxz key out wrapped
}

@test "Ctrl-C at a prompt: echo is on again, and nothing is left" {
	for answers in '^C' 'pw ^C'; do
		# shellcheck disable=SC2086
		run -130 on_terminal "exec hexz-seal -p -o a.hxz $K/in.hxs" $answers
		[[ $output != *"echo is off"* ]] || fail "$output"
	done
	run -130 on_terminal "exec hexz-cat -i $K/rsa-locked.key -o out <(hexz-seal -R $K/rsa-locked.pub $K/in.hxs)" '^C'
	[[ $output != *"echo is off"* ]] || fail "$output"
	only
}

@test "Ctrl-D at a prompt: no passphrase" {
	run -1 on_terminal "exec hexz-seal -p -o a.hxz $K/in.hxs" '^D'
	[[ $output == *"none was given"* && $output != *"echo is off"* ]] || fail "$output"
	only
}

@test "the progress bar leaves a prompt alone" {
	hexz-seal -p --passphrase-command 'echo pw' -q -o a.hxz "$K/in.hxs"
	run -0 on_terminal 'cat a.hxz | hexz-cat --progress always -o out' pw
	[[ $output == *"passphrase for the archive: <answer>"* ]] || fail "$output"
}

@test "without a terminal, a passphrase that is missing is an error with a hint" {
	run -1 --separate-stderr setsid -w hexz-seal -p -o a.hxz "$K/in.hxs"
	one_error hexz-seal
	[[ $stderr == *"no terminal"*"hint: "*--passphrase-file* ]] || fail "$stderr"
	seal b.hxz -R "$K/rsa-locked.pub"
	run -1 --separate-stderr setsid -w hexz-cat -i "$K/rsa-locked.key" b.hxz
	[[ $stderr == *"no terminal"*"hint: "*--passphrase-file* ]] || fail "$stderr"
	only b.hxz
}

@test "what cannot open an archive" {
	# none ARGS: with them there is no content.
	none() {
		run -1 --separate-stderr "$@" 2>/dev/null
		# A stage that fails says so in its stream.
		[ -z "$output" ] || [[ $1 == hexz-unseal && $output == *hexz-unseal* ]] || fail "$*: output"
		one_error "$1"
	}
	for binary in hexz-cat hexz-unseal; do
		none $binary "$K/a.hxz"
		[[ $stderr == *"encrypted for X25519"*"hint: "*"-i FILE"* ]] || fail "$stderr"
		none $binary -i "$K/other.key" "$K/a.hxz"
		[[ $stderr == *"no identity fits: it is encrypted for X25519"* ]] || fail "$stderr"
		none $binary --passphrase-command 'echo x' "$K/a.hxz"
		[[ $stderr == *"no identity fits"* ]] || fail "$stderr"
		none $binary -i missing "$K/a.hxz"
		[[ $stderr == *"missing: no such file"* ]] || fail "$stderr"
	done
	none hexz-verify "$K/a.hxz"
	[[ $stderr == *"encrypted for X25519"*"hint: "*"-i FILE"* ]] || fail "$stderr"
	none hexz-inspect --chunks "$K/a.hxz"
	[[ $stderr == *"is encrypted"*"hint: "*"-i FILE"* ]] || fail "$stderr"
	for binary in hexz-dedup hexz-compress hexz-seal; do
		run --separate-stderr $binary -o out "$K/a.hxz"
		[ "$status" -ne 0 ]
		[[ $stderr == *"is encrypted"*"hint: "*hexz-unseal* ]] || fail "$stderr"
	done

	# The private key is in an agent, on a token, or somebody else has it.
	none hexz-cat -i "$K/ed25519.pub" "$K/a.hxz"
	[[ $stderr == *"ed25519.pub: "*"this is a public key"*"give the private key"* ]] || fail "$stderr"
	none hexz-cat -i "$K/age.pub" "$K/a.hxz"
	[[ $stderr == *"this is a public key"* ]] || fail "$stderr"
	"$PYTHON" >sk.pub <<-'END'
		import base64, struct
		parts = [b"sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:"]
		print("sk-ssh-ed25519@openssh.com", base64.b64encode(b"".join(struct.pack(">I", len(p)) + p for p in parts)).decode())
	END
	run -1 --separate-stderr seal a.hxz -R sk.pub
	[[ $stderr == *"sk.pub: line 1: "*hardware*"can only sign"* ]] || fail "$stderr"
	run -2 --separate-stderr seal a.hxz -r "$(cat sk.pub)"
	[[ $stderr == *"can only sign"* ]] || fail "$stderr"
	only sk.pub
}

@test "wrong usage: exit 2" {
	run -2 --separate-stderr seal a.hxz --passphrase-file "$K/pass"
	one_error hexz-seal
	[[ $stderr == *"a passphrase was given"*"hint: -p "* ]] || fail "$stderr"
	run -2 --separate-stderr seal a.hxz -R "$K/age.pub" --passphrase-file "$K/pass"
	run -2 --separate-stderr seal a.hxz -p -R "$K/age.pub" --passphrase-file "$K/pass"
	[[ $stderr == *"cannot be combined"* ]] || fail "$stderr"
	run -2 --separate-stderr seal a.hxz -r "$K/age.pub"
	[[ $stderr == *"hint: "*"-R the name of a file"* ]] || fail "$stderr"
	# A secret given by mistake is not printed.
	run -2 --separate-stderr seal a.hxz -r "$(grep SECRET "$K/age.key")"
	[[ $stderr == *"this is a private key"* && $stderr != *SECRET* ]] || fail "$stderr"
	# Standard input is for data.
	for flag in --passphrase-file=- --passphrase-file=/dev/stdin --passphrase-file=/dev/fd/0 --passphrase-fd=0 --passphrase-fd=1; do
		run -2 --separate-stderr bash -c 'echo pw | hexz-seal -p "$1" -o a.hxz "$K/in.hxs"' - $flag
		one_error hexz-seal
		run -2 --separate-stderr bash -c 'echo pw | hexz-cat "$1" "$K/a.hxz"' - $flag
		one_error hexz-cat
	done
	run -2 --separate-stderr seal a.hxz -p --passphrase-fd 7 --passphrase-command 'echo pw' 7<"$K/pass"
	run -2 --separate-stderr bash -c 'hexz-cat -i - "$K/a.hxz" <"$K/hexz.key"'
	run -2 --separate-stderr bash -c 'hexz-seal -R - -o a.hxz "$K/in.hxs" <"$K/hexz.pub"'
	only
}

@test "without a key: checked and described, and damage is named" {
	opens "$K/a.hxz" -i "$K/hexz.key"
	hexz-inspect "$K/a.hxz" >text
	grep -q 'encrypted *for X25519' text
	run -1 grep -c 'stream\|chunker\|zstd' text
	[ "$(hexz-inspect --json "$K/a.hxz" | jq .bytes)" = null ]
	[ "$(hexz-inspect --json -i "$K/hexz.key" "$K/a.hxz" | jq .bytes)" -eq "$(size "$IN/twice")" ]
	hexz-verify --level structure "$K/a.hxz"

	cp "$K/a.hxz" a.hxz
	read -r offset pos < <(hexz-inspect --segments -i "$K/hexz.key" a.hxz | awk 'NR == 3 { print $2, $6 }')
	poke a.hxz $((pos + 1000))
	run -0 hexz-verify --level structure a.hxz
	run -3 --separate-stderr hexz-verify --level stored a.hxz
	[ "$stderr" = "hexz-verify: a.hxz: invalid input: segment at byte $pos is damaged" ] || fail "$stderr"
	run -3 --separate-stderr hexz-verify -i "$K/hexz.key" a.hxz
	run -3 --separate-stderr hexz-cat -i "$K/hexz.key" -o out a.hxz
	# What is in front of it can be had.
	hexz-cat -i "$K/hexz.key" --length "$offset" a.hxz | cmp - <(head -c "$offset" "$IN/twice")
	run -3 hexz-cat -i "$K/hexz.key" --offset "$offset" --length 1 a.hxz
	only a.hxz text
}

@test "through pipes, and what is unsealed can be packed again" {
	hexz-cat -i "$K/hexz.key" <"$K/a.hxz" | cmp - "$IN/twice"
	# shellcheck disable=SC2002
	cat "$K/a.hxz" | hexz-cat -i "$K/hexz.key" --offset 1000000 --length 5000 | cmp - <(tail -c +1000001 "$IN/twice" | head -c 5000)
	hexz-unseal -i "$K/hexz.key" "$K/a.hxz" | hexz-compress -c lz4 | hexz-seal -R "$K/rsa.pub" -o b.hxz
	opens b.hxz -i "$K/rsa.key"
	hexz-inspect -i "$K/rsa.key" b.hxz | grep -q 'hexz-compress .*codec=lz4'
	run -1 hexz-cat -i "$K/hexz.key" b.hxz
	# Cut short, it is no archive, and says so.
	run -4 bash -c 'head -c 200000 "$K/a.hxz" | hexz-cat -i "$K/hexz.key" -o out'
	run ! hexz-unseal -i "$K/hexz.key" -o out <(head -c 200000 "$K/a.hxz")
	only b.hxz
}

@test "kept on another host, which has no key" {
	mkdir sshd
	(cd sshd && start_sshd && echo "$SSHD" >pid)
	export SSHD SSH_CONFIG=$PWD/sshd/ssh_config
	SSHD=$(cat sshd/pid)
	code=0
	{
		hexz-chunk --chunk-key-file "$K/chunk.key" "$IN/twice" | hexz-dedup | hexz-compress |
			hexz-seal -r "$(cat "$K/hexz.pub")" | there 'cat >x.hxz'
		there 'hexz-verify --level stored x.hxz && hexz-inspect x.hxz' >report
		there 'cat x.hxz' | hexz-cat -i "$K/hexz.key" -o out
	} || code=$?
	stop_sshd
	[ $code -eq 0 ]
	grep -q '^encrypted' report
	cmp out "$IN/twice"
}

@test "chunk keys: the same key gives the same cuts, and hexz-seal says when there is none" {
	chunks() { hexz-inspect --chunks "$@" | cut -f 2-5; }
	hexz-keygen chunk -o other.key
	seal a.hxz -R "$K/age.pub"
	cmp <(chunks -i "$K/hexz.key" "$K/a.hxz") <(chunks -i "$K/age.key" a.hxz)
	hexz-chunk --chunk-key-file other.key "$IN/twice" | hexz-dedup >other.hxs
	run ! cmp -s <(chunks -i "$K/age.key" a.hxz) <(chunks other.hxs)

	hexz-chunk "$IN/noise" >bare.hxs
	hexz-chunk --chunker fixed "$IN/noise" >fixed.hxs
	run -0 on_terminal "hexz-seal --progress never -R $K/age.pub -o b.hxz bare.hxs"
	[[ $output == "hint: "*"--chunk-key-file"* && ${#lines[@]} -eq 1 ]] || fail "$output"
	for args in "-q -R $K/age.pub bare.hxs" "-R $K/age.pub fixed.hxs" "-R $K/age.pub other.hxs" bare.hxs; do
		run -0 on_terminal "hexz-seal --progress never -o b.hxz $args"
		[ -z "$output" ] || fail "$args: $output"
	done
}

@test "sealing 200 MB for a recipient takes less than 64 MiB of memory" {
	head -c 200M /dev/urandom | hexz-chunk >in.hxs
	for args in "hexz-seal -q -R $K/age.pub -o a.hxz in.hxs" "hexz-unseal -i $K/age.key -o /dev/null a.hxz" \
		"hexz-cat -T 2 -i $K/age.key -o /dev/null a.hxz" "hexz-verify -T 2 --level stored a.hxz"; do
		# shellcheck disable=SC2086
		kib=$(peak $args)
		[ "$kib" -lt $((64 * 1024)) ] || fail "$args: $kib KiB"
	done
}

@test "hexz-keygen: secrets in new files of mode 600, public parts on standard output" {
	umask 0
	[ "$(hexz-keygen encrypt -o a.key)" = "$(age-keygen -y a.key)" ]
	[ "$(head -1 a.key)" = "# public key: $(age-keygen -y a.key)" ]
	[ "$(wc -l <a.key)" -eq 2 ]
	[ -z "$(hexz-keygen chunk -o c.key)" ]
	hexz-chunk --chunk-key-file c.key "$IN/one" >/dev/null
	[ "$(stat -c %a a.key c.key | sort -u)" = 600 ]
	# Nothing is overwritten, a link to nothing neither.
	ln -s nothing link.key
	cp a.key want
	# shellcheck disable=SC2086
	for kind in encrypt chunk "sign --no-passphrase"; do
		for name in a.key link.key /dev/null .; do
			run -1 --separate-stderr hexz-keygen $kind -o $name
			[[ -z $output && $stderr == *"$name exists already"*"hint: "* ]] || fail "$kind $name: $stderr"
		done
		run -1 --separate-stderr hexz-keygen $kind -o missing/a.key
		one_error hexz-keygen
		# A full disk.
		run -1 bash -c "ulimit -f 0; exec hexz-keygen $kind -o big.key"
		[ "$output" = "hexz-keygen: big.key: file too large" ] || fail "$kind: $output"
	done
	cmp a.key want
	only a.key c.key link.key want
	# To standard output when it is asked for.
	run -0 --separate-stderr hexz-keygen encrypt -o -
	[ "$stderr" = "public key: $(age-keygen -y <<<"$output")" ] || fail "$stderr"
	hexz-keygen encrypt -o - >open 2>err
	[[ $(cat err) == *"warning: others may read"* ]]
	for args in "" encrypt chunk sign "sign -o -" "encrypt -o x extra" "other -o x" "chunk --no-passphrase -o x" \
		"encrypt --passphrase-file $K/pass -o x" "sign -o x --no-passphrase --passphrase-file $K/pass" "sign -o x --passphrase-fd 0"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr hexz-keygen $args
		[ -z "$output" ]
		one_error hexz-keygen
	done
	[ ! -e x ]
}
