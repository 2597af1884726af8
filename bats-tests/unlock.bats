# hexz-unlock, which opens the keys of encrypted archives for the other binaries.
# shellcheck disable=SC2016,SC2154

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	hexz-keygen encrypt -q -o id.key >id.pub
	hexz-keygen encrypt -q -o other.key >other.pub
	ssh-keygen -q -t ed25519 -N 'pass phrase' -f locked
	mv locked locked.key
	printf 'pass phrase\n' >pass
	hexz-chunk "$IN/noise" | hexz-dedup >in.hxs
	hexz-seal -q -R id.pub -R locked.pub -o a.hxz in.hxs
	hexz-seal -q -p --passphrase-file pass -o word.hxz in.hxs
	hexz-seal -q -o plain.hxz in.hxs
	noise 5000 change >change
	cat "$IN/noise" change | hexz-chunk | hexz-dedup -i id.key --parent a.hxz | hexz-seal -q -R locked.pub -o thin.hxz
	mkdir alone
	for binary in hexz-cat hexz-verify hexz-unseal; do
		ln "$BIN/$binary" alone/ || cp "$BIN/$binary" alone/
	done
	export K=$PWD
}

# stands_in SCRIPT: makes a program of that name beside the binaries of $PWD/bin.
stands_in() {
	mkdir -p bin
	cp "$K"/alone/* bin/
	printf '#!/bin/sh\n%s\n' "$1" >bin/hexz-unlock
	chmod +x bin/hexz-unlock
}

@test "it is found beside the binary, and else in PATH; without it, the error says what is missing" {
	PATH=/usr/bin:/bin run -1 --separate-stderr "$K/alone/hexz-cat" -i "$K/id.key" -o out "$K/a.hxz"
	one_error hexz-cat
	[[ $stderr == *"hexz-unlock"*"is not installed"*"neither beside hexz-cat nor in \$PATH"*"hint: install hexz-unlock"* ]] || fail "$stderr"
	PATH=/usr/bin:/bin run -1 --separate-stderr "$K/alone/hexz-verify" -i "$K/id.key" "$K/a.hxz"
	[[ $stderr == *"is not installed"*"hint: install hexz-unlock"* ]] || fail "$stderr"
	# Nothing else needs it: not plain archives, nor what is done without a key.
	PATH=/usr/bin:/bin "$K/alone/hexz-cat" -i "$K/id.key" -q "$K/plain.hxz" | cmp - "$IN/noise"
	PATH=/usr/bin:/bin "$K/alone/hexz-verify" --level stored "$K/a.hxz"

	PATH=$BIN:/usr/bin:/bin "$K/alone/hexz-cat" -i "$K/id.key" "$K/a.hxz" | cmp - "$IN/noise"
	stands_in 'echo beside >&2; exit 3'
	PATH=$BIN:$PATH run -1 --separate-stderr bin/hexz-cat -i "$K/id.key" "$K/a.hxz"
	[[ $stderr == beside* ]] || fail "$stderr"
	rm -r bin
	only
}

@test "it fails, is killed, or gives no sensible answer" {
	# shellcheck disable=SC2043
	for script in 'exit 3' 'kill -9 $$' 'exit 0' 'head -c 8 >/dev/null' 'head -c 8 >/dev/null; printf "\0\0\0\1?"' \
		'head -c 8 >/dev/null; printf "\377\377\377\377"; cat /dev/zero' 'head -c 8 >/dev/null; printf "\0\0\0\41k12"' \
		'head -c 8 >/dev/null; printf "\0\0\0\40k1234567890123456789012345678901"'; do
		stands_in "$script"
		run -1 --separate-stderr timeout 60 bin/hexz-cat -i "$K/id.key" -o out "$K/a.hxz"
		one_error hexz-cat
		[[ $stderr == *"hexz-unlock"* ]] || fail "$script: $stderr"
	done
	# A key that is not the right one opens nothing.
	stands_in 'head -c 8 >/dev/null; printf "\0\0\0\41k12345678901234567890123456789012"'
	run -3 --separate-stderr timeout 60 bin/hexz-cat -i "$K/id.key" -o out "$K/a.hxz"
	# A program that cannot be run.
	printf 'no program' >bin/hexz-unlock
	run -1 --separate-stderr bin/hexz-cat -i "$K/id.key" -o out "$K/a.hxz"
	[[ $stderr == "hexz-cat: "*"hexz-unlock"* ]] || fail "$stderr"
	rm -r bin
	only
}

@test "no secret is on its command line or in its environment" {
	stands_in "tr '\\0' '\\n' </proc/\$\$/cmdline >\"$PWD/told\"; env >>\"$PWD/told\"; exec '$BIN/hexz-unlock' \"\$@\""
	bin/hexz-cat -i "$K/id.key" "$K/a.hxz" | cmp - "$IN/noise"
	grep -q "^$K/id.key$" told
	run -1 grep -i 'SECRET-KEY' told
	bin/hexz-cat --passphrase-file "$K/pass" "$K/word.hxz" | cmp - "$IN/noise"
	run -1 grep 'pass phrase' told
	bin/hexz-cat --passphrase-fd 9 "$K/word.hxz" 9<"$K/pass" | cmp - "$IN/noise"
	run -1 grep 'pass phrase' told
}

@test "it is asked for all archives of a chain, and asks for a passphrase once" {
	hexz-cat -i "$K/locked.key" --passphrase-file "$K/pass" "$K/thin.hxz" | cmp - <(cat "$IN/noise" "$K/change")
	run -0 on_terminal "exec hexz-cat -q -i $K/locked.key -o out $K/thin.hxz" 'pass phrase'
	[ "$output" = "passphrase for $K/locked.key: <answer>" ] || fail "$output"
	cmp out <(cat "$IN/noise" "$K/change")
	run -1 on_terminal "exec hexz-cat -q -i $K/locked.key -o no $K/thin.hxz" 'other phrase'
	[[ $output == *"hexz-cat: "*"SSH private key: wrong passphrase"* ]] || fail "$output"
	run -1 --separate-stderr hexz-cat -i "$K/other.key" -o no "$K/thin.hxz"
	[[ $stderr == *"no identity fits"* ]] || fail "$stderr"
	only out
}

@test "identities that are pipes, and names like flags" {
	hexz-cat -i <(cat "$K/other.key") -i <(cat "$K/id.key") "$K/a.hxz" | cmp - "$IN/noise"
	cp "$K/id.key" ./-q
	hexz-cat -i -q "$K/a.hxz" | cmp - "$IN/noise"
	# Standard input is for data.
	for name in - /dev/stdin /dev/fd/0; do
		run -2 --separate-stderr bash -c 'hexz-cat -i "$1" "$K/a.hxz" <"$K/id.key"' - $name
		[[ $stderr == *"a key does not come from standard input"* ]] || fail "$stderr"
	done
	# Even if the archive comes from there.
	hexz-cat -i "$K/id.key" <"$K/a.hxz" | cmp - "$IN/noise"
}

@test "what it reads is not written over" {
	cp "$K/id.key" "$K/a.hxz" "$K/pass" "$K/word.hxz" .
	for command in "hexz-cat -i id.key a.hxz -o id.key" "hexz-unseal -i id.key a.hxz -o id.key" "hexz-cat -i id.key a.hxz >>id.key" \
		"hexz-cat --passphrase-file pass word.hxz -o pass" "hexz-cat --passphrase-fd 9 word.hxz -o pass 9<pass"; do
		run -2 --separate-stderr bash -c "$command"
		[[ $stderr == *"both input and output"* ]] || fail "$command: $stderr"
	done
	cmp id.key "$K/id.key"
	cmp pass "$K/pass"
	only a.hxz id.key pass word.hxz
}

@test "what is no question is refused" {
	run -1 --separate-stderr bash -c 'printf "\0\0\0\20x" | hexz-unlock'
	one_error hexz-unlock
	run -1 --separate-stderr bash -c 'printf "\377\0\0\0" | hexz-unlock'
	[[ $stderr == *"with a limit of 65536"* ]] || fail "$stderr"
	hexz-unlock </dev/null
}
