# The command line that all binaries share.

load helper

BINARIES=(hexz-cat hexz-chunk hexz-commit hexz-compress hexz-dedup hexz-delta hexz-diff hexz-inspect hexz-keygen hexz-seal hexz-sign hexz-unseal hexz-verify)
FILTERS=(hexz-dedup hexz-compress hexz-seal hexz-unseal)

# in_terminal COMMAND: runs it with a terminal as its standard streams, whose text is the output.
in_terminal() { script -qec "$1" /dev/null </dev/null; }

# to_file COMMAND ARG...: runs it with a file as its standard output, as a pipe gets a frame that
# says what has failed. no_output: there is nothing in the file.
to_file() { "$@" >"$BATS_TEST_TMPDIR/stdout"; }
no_output() { [ ! -s "$BATS_TEST_TMPDIR/stdout" ]; }

@test "all binaries are tested here" {
	[ "$(ls "$BIN")" = "$(printf '%s\n' "${BINARIES[@]}" | sort)" ]
}

@test "--help: on stdout, 80 columns" {
	for name in "${BINARIES[@]}"; do
		run -0 --separate-stderr "$name" --help
		[ -z "$stderr" ]
		[[ ${lines[0]} == "Usage: $name "* ]]
		long=$(awk 'length($0) > 80' <<<"$output")
		[ -z "$long" ] || fail "$name: $long"
		[ "$("$name" -h)" = "$output" ]
		# Help wins over what is missing or wrong beside it.
		[ "$("$name" --help a b c)" = "$output" ]
	done
}

@test "--version" {
	for name in "${BINARIES[@]}"; do
		run -0 --separate-stderr "$name" --version
		[[ $output == "$name "* && ${#lines[@]} -eq 1 && -z $stderr ]]
	done
}

@test "--man is a manual page without mistakes" {
	for name in "${BINARIES[@]}"; do
		"$name" --man >page.1
		groff -man -ww -Tutf8 -z page.1 2>err
		[ ! -s err ] || fail "$name: $(cat err)"
		man -l page.1 | col -b >page.txt
		grep -q "^EXIT STATUS" page.txt
		for flag in $("$name" --help | grep -o -e '--[a-z-]*' | sort -u); do
			[ "$flag" = -- ] || grep -q -e "$flag" page.txt || fail "$name: $flag is not in the page"
		done
	done
}

@test "--man: what the binary reads beside its arguments, and pages that there are" {
	for name in "${BINARIES[@]}"; do
		"$name" --man >page.1
		grep -qx '.SH ENVIRONMENT' page.1
		grep -qx '.B HEXZ_HINTS' page.1
		[[ $("$name" --help) != *" --parent-dir "* ]] || grep -qx '.B HEXZ_PATH' page.1
		[[ $("$name" --help) != *" --output "* ]] || grep -qxF '.B .FILE*' page.1
		pages=$(sed -n '/^.SH SEE ALSO/,$p' page.1 | grep -o 'hexz[a-z\\-]*([17])' | tr -d '\\')
		[[ $pages == "hexz(7)"* ]]
		for page in $pages; do
			[ "$page" = "hexz(7)" ] || [[ " ${BINARIES[*]} " == *" ${page%(1)} "* && $page != "$name(1)" ]] || fail "$name: $page"
		done
	done
	[[ $(hexz-seal --man) == *$'.B TMPDIR\n'* && $(hexz-sign --man) != *$'.B TMPDIR\n'* ]]
}

@test "hexz(7): all binaries, exit codes and variables" {
	page=$BATS_TEST_DIRNAME/../docs/hexz.7
	groff -man -ww -Tutf8 -z "$page" 2>err
	[ ! -s err ] || fail "$(cat err)"
	for name in "${BINARIES[@]}"; do
		entry=$(printf '.TP\n.BR %s (1)\n%s\n.' "${name//-/\\-}" "$("$name" --help | sed -n 3p)")
		[[ $(cat "$page") == *"$entry"* ]] || fail "$name is missing, or described in other words: $entry"
		for section in "EXIT STATUS" ENVIRONMENT; do
			[ "$name $section" != "hexz-diff EXIT STATUS" ] || continue
			text=$("$name" --man | awk -v section=".SH $section" '$0 == section { on = 1; next } /^.SH/ { on = 0 } on' |
				paste -sd '|' | sed 's/|\.TP|/\n/g; s/^\.TP|//')
			while IFS='|' read -r item meaning; do
				[[ $(cat "$page") == *"$item"$'\n'"$meaning"$'\n'* ]] || fail "$name, $section: $item: $meaning"
			done <<<"$text"
		done
	done
}

@test "completions" {
	for name in "${BINARIES[@]}"; do
		bash -c "source <($name --completion bash) && complete -p $name" | grep -c "$name"
		$name --completion zsh | grep -c "#compdef $name"
		$name --completion fish | grep -c "complete .*-c $name"
		run -2 "$name" --completion tcsh
	done
	# What the scripts ask for.
	hexz-compress __complete --codec '' | grep -cx s2
	# Bash takes words apart at "=".
	for words in "--codec l" "--codec = l" "-q -o x --codec = l"; do
		run -0 bash -c "source <(hexz-compress --completion bash)
			COMP_WORDS=(hexz-compress $words) COMP_TYPE=9
			COMP_CWORD=\$((\${#COMP_WORDS[@]} - 1))
			_hexz_compress hexz-compress l; echo \"\${COMPREPLY[*]}\""
		[ "$output" = lz4 ] || fail "$words: $output"
	done
}

@test "wrong usage: exit 2, one line and a hint, nothing on stdout" {
	for args in "--no-such-flag" "-?" "--progress=sometimes" "--quiet --verbose"; do
		for name in "${BINARIES[@]}"; do
			# shellcheck disable=SC2086
			run -2 --separate-stderr to_file "$name" $args "$IN/one"
			no_output
			one_error "$name"
			[[ $stderr == *"hint: "* ]] || fail "$name $args: $stderr"
		done
	done
	run -2 hexz-verify
	run -2 hexz-cat a b
	run -2 hexz-dedup -T 2 "$IN/one"
	run -2 hexz-inspect --segments --chunks "$IN/one"
	run -2 hexz-chunk --avg 10 "$IN/one"
	run -2 hexz-chunk --avg 32M "$IN/one"
	run -2 hexz-chunk --chunker rabin "$IN/one"
	run -2 hexz-compress -c gzip "$IN/one"
	run -2 hexz-compress -l 99 "$IN/one"
	run -2 hexz-compress -b 1G "$IN/one"
	run -2 hexz-verify --level deep "$IN/one"
	# Flags that would have no effect are refused.
	run -2 hexz-compress -c lz4 -l 10
	run -2 hexz-compress -c none -l 1
	run -2 hexz-compress -d -l 3
	run -2 hexz-compress --train-dict=1
	run -2 hexz-chunk --size 64K "$IN/one"
	run -2 hexz-chunk --chunker fixed --avg 64K "$IN/one"
	run -2 hexz-chunk --name $'\xff' "$IN/one"
	run -2 hexz-chunk --stats - "$IN/one"
	run -2 hexz-chunk -o '' "$IN/one"
}

@test "no flag is given and empty, as by a variable that is not set" {
	for name in "${BINARIES[@]}"; do
		flags=$("$name" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort -u)
		[ -n "$flags" ]
		for flag in $flags; do
			run -2 --separate-stderr to_file "$name" "$flag=" "$IN/one"
			one_error "$name"
			no_output && [[ $stderr == *"$flag"*empty* ]] || fail "$name $flag=: $stderr"
		done
		for flag in $("$name" --help | grep -oE '^ +(-., )?--[a-z-]+ [A-Z]+ ' | grep -oE -e '--[a-z-]+'); do
			run -2 --separate-stderr to_file "$name" "$flag" "" "$IN/one"
			no_output && [[ $stderr == *"$flag"*empty* ]] || fail "$name $flag '': $stderr"
		done
	done
	run -2 hexz-compress -c "" "$IN/one"
	run -2 hexz-sign -k "" "$IN/one"
	# Nor is half of a value.
	hexz-chunk "$IN/one" | hexz-seal -o a.hxz
	for args in "--map disk= $IN/one" "--map =map $IN/one" "=$IN/one" "disk=" "--size =1" "--size disk=" "--replace =$IN/one" "--replace more="; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr to_file hexz-commit --base a.hxz $args
		no_output || fail "$args: output"
	done
	run -2 hexz-chunk --digest sha256, "$IN/one"
	run -2 hexz-chunk --exec --
	run -2 hexz-chunk --exec -- ""
	run -2 hexz-chunk --exec "$IN/one"
	only a.hxz
}

@test "a flag that has no effect is refused" {
	hexz-chunk "$IN/one" >in.hxs
	hexz-seal in.hxs -o in.hxz
	hexz-keygen encrypt -q -o id.key >/dev/null
	hexz-keygen sign -q --no-passphrase -o sign.key >/dev/null
	printf 'secret\n' >pass
	printf '0 1\n' >map
	before=$(ls -A)
	while read -r args; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr to_file $args
		one_error "${args%% *}"
		no_output || fail "$args: output"
	done <<-END
		hexz-chunk --chunker fixed --avg 64K $IN/one
		hexz-chunk --chunker fixed --chunk-key-file id.key $IN/one
		hexz-chunk --size 64K $IN/one
		hexz-chunk --avg 0 $IN/one
		hexz-chunk --name x disk=$IN/one
		hexz-chunk --name x --name y $IN/one
		hexz-chunk -i id.key $IN/one
		hexz-chunk --passphrase-file pass $IN/one
		hexz-chunk --like in.hxz --min 1K $IN/one
		hexz-chunk -o a -o b $IN/one
		hexz-dedup -i id.key in.hxs
		hexz-dedup --passphrase-fd 7 in.hxs
		hexz-chunk --digest sha256,sha256 $IN/one
		hexz-chunk --digest sha256 --digest sha256 $IN/one
		hexz-chunk --size 64K --size 32K $IN/one
		hexz-compress -c lz4 -c s2 in.hxs
		hexz-cat --offset 1 --offset 2 in.hxs
		hexz-cat --length 1 --length 2 in.hxs
		hexz-cat --sparse=always --sparse=never -o out in.hxs
		hexz-unseal --passphrase-fd 7 --passphrase-fd 8 in.hxz
		hexz-dedup --max-memory 0 in.hxs
		hexz-dedup --max-memory 1 in.hxs
		hexz-delta --self --max-memory 1023K in.hxs
		hexz-delta --cache 0 in.hxs
		hexz-compress -d --dict id.key in.hxs
		hexz-compress -c none -l 1 in.hxs
		hexz-compress -c lz4 --train-dict in.hxs
		hexz-compress --dict map --train-dict in.hxs
		hexz-seal --passphrase-file pass in.hxs
		hexz-seal -i id.key in.hxs
		hexz-seal --max-memory 1K in.hxs
		hexz-seal -p --passphrase-fd -1 in.hxs
		hexz-seal -p --passphrase-file pass --passphrase-command true in.hxs
		hexz-unseal --cache 1M in.hxz
		hexz-unseal --parent in.hxz in.hxz
		hexz-unseal --parent-dir . in.hxz
		hexz-unseal --follow-hints in.hxz
		hexz-unseal --report lost.json in.hxz
		hexz-unseal --codec-command xz=cat in.hxz
		hexz-unseal --salvage --flatten in.hxz
		hexz-unseal --salvage --cache 1M in.hxz
		hexz-cat --in-place in.hxz
		hexz-cat --in-place --offset 0 -o new in.hxz
		hexz-cat --in-place --length 1 -o new in.hxz
		hexz-cat --report lost.json in.hxz
		hexz-cat --parent-dir nowhere in.hxz
		hexz-cat --parent-dir in.hxz in.hxz
		hexz-cat --stream a --stream b in.hxz
		hexz-verify --level stored --cache 1M in.hxz
		hexz-verify --level structure --parent in.hxz in.hxz
		hexz-verify --level stored --codec-command xz=cat in.hxz
		hexz-inspect --parent in.hxz in.hxz
		hexz-inspect --parent-dir . --chunks in.hxz
		hexz-inspect --segments --chunks in.hxz
		hexz-inspect --export-index -i id.key in.hxz
		hexz-inspect --export-index --passphrase-file pass in.hxz
		hexz-inspect --open in.hxz
		hexz-inspect --export-signed x -i id.key in.hxz
		hexz-inspect --export-signed x --json in.hxz
		hexz-inspect --json -o new in.hxz
		hexz-diff -q --json in.hxz in.hxz
		hexz-commit --base in.hxz --format raw --size 5
		hexz-commit --base in.hxz --format qcow2 --map map $IN/one
		hexz-keygen encrypt -o new --passphrase-file pass
		hexz-keygen chunk -o new --no-passphrase
		hexz-keygen sign -o new --no-passphrase --passphrase-file pass
	END
	[ "$(ls -A)" = "$before" ]
	# With =false, a flag is not given.
	hexz-cat --in-place=false --offset 1 in.hxz | cmp - <(tail -c +2 "$IN/one")
}

@test "bad numbers: exit 2" {
	for size in '' x -1 1.5 0.3K 1.K 16X '16 K' 0x 0x10K 99999999999T 1e3 K; do
		run -2 --separate-stderr hexz-chunk --chunker fixed --size="$size" "$IN/one"
		one_error hexz-chunk
		run -2 hexz-cat --offset="$size" "$IN/one"
		run -2 hexz-compress --block="$size" "$IN/one"
	done
	for threads in -1 x 1.5 99999 ''; do
		run -2 --separate-stderr hexz-chunk -T "$threads" "$IN/one"
		one_error hexz-chunk
	done
}

@test "units: 16K and 16KiB are 16384, 16kB is 16000; fractions and hexadecimal are exact" {
	for pair in 1.5K:1536 0x4000:16384 16K:16384 16k:16384 16KiB:16384 16kiB:16384 16kB:16000 16KB:16000 1M:1048576 1MB:1000000 5000:5000 5000B:5000; do
		size=$(hexz-chunk --chunker fixed --size ${pair%:*} "$IN/one" | hexz-inspect --json | jq '.streams[0].chunker.size')
		[ "$size" = "${pair#*:}" ] || fail "$pair: $size"
	done
}

@test "-- ends the flags, - is stdin" {
	cp "$IN/one" ./-odd
	hexz-chunk -- -odd | hexz-seal -o a.hxz
	hexz-cat - <a.hxz | cmp - "$IN/one"
	hexz-chunk - <"$IN/one" | hexz-seal - -o - | cmp - a.hxz
	hexz-chunk a=- b="$IN/noise" <"$IN/one" | hexz-cat --stream a | cmp - "$IN/one"
	run -2 hexz-chunk a=- b=- <"$IN/one"
}

@test "an empty name of a file is not stdin" {
	# As of a variable in a script that is not set.
	for name in "${FILTERS[@]}" hexz-chunk hexz-cat hexz-inspect hexz-verify; do
		run --separate-stderr "$name" '' <"$IN/empty"
		[ "$status" -eq 1 ] || [ "$status" -eq 2 ] || fail "$name: exit $status"
	done
	run --separate-stderr hexz-chunk disk= <"$IN/empty"
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
}

@test "hexz-verify wants a file: a sound archive from a pipe is not called damaged" {
	pack "$IN/one" a.hxz
	hexz-verify - <a.hxz
	run -2 --separate-stderr bash -c 'cat a.hxz | hexz-verify -'
	one_error hexz-verify
}

@test "a terminal is no place for binary data" {
	hexz-chunk "$IN/one" >in.hxs
	hexz-seal in.hxs -o in.hxz
	for stage in "hexz-chunk $IN/one" "hexz-dedup in.hxs" "hexz-compress in.hxs" "hexz-seal in.hxs" "hexz-unseal in.hxz" "hexz-cat in.hxz"; do
		run -2 in_terminal "$stage"
		[[ $output == *"${stage%% *}: "*terminal*"hint: "*"-o"* ]] || fail "$stage: $output"
	done
	for stage in hexz-chunk "${FILTERS[@]}" hexz-cat; do
		run -2 in_terminal "$stage -o out"
		[[ $output == *"$stage: "*terminal*"hint: "* ]] || fail "$stage: $output"
	done
	run -2 in_terminal hexz-inspect
	run -0 in_terminal "hexz-inspect in.hxz"
	run -0 in_terminal "hexz-cat -o - in.hxz"
	[[ $output == *x* ]]
	only in.hxs in.hxz
}

@test "the same file as input and output is refused" {
	hexz-chunk "$IN/noise" >a.hxs
	cp a.hxs b.hxs
	ln b.hxs hard.hxs
	ln -s b.hxs soft.hxs
	for stage in "${FILTERS[@]}" hexz-cat; do
		for args in "-o b.hxs b.hxs" "-o b.hxs ./b.hxs" "-o hard.hxs b.hxs" "-o soft.hxs b.hxs" "-o b.hxs <b.hxs" "b.hxs >>b.hxs" "<b.hxs 1<>b.hxs"; do
			run -2 --separate-stderr bash -c "$stage $args"
			[[ $stderr == *"both input and output"*"hint: "* ]] || fail "$stage $args: $stderr"
			cmp a.hxs b.hxs
		done
	done
	run -2 --separate-stderr hexz-chunk -o b.hxs b.hxs
	run -2 --separate-stderr hexz-chunk -o b.hxs x="$IN/one" y=b.hxs
	cmp a.hxs b.hxs
}

@test "-o: permissions and links stay, and a new file obeys umask" {
	umask 027
	pack "$IN/one" new.hxz
	[ "$(stat -c %a new.hxz)" = 640 ]
	printf old >old.hxz
	chmod 604 old.hxz
	ln -s old.hxz link.hxz
	pack "$IN/one" link.hxz
	[ -L link.hxz ]
	cmp old.hxz new.hxz
	[ "$(stat -c %a old.hxz)" = 604 ]
	only link.hxz new.hxz old.hxz
}

@test "-o into a FIFO and /dev/null" {
	mkfifo fifo
	hexz-chunk "$IN/noise" -o fifo &
	hexz-cat fifo | cmp - "$IN/noise"
	wait $!
	[ -p fifo ]
	hexz-chunk "$IN/noise" -o /dev/null
	[ -c /dev/null ]
}

@test "--stats of each stage agree with hexz-inspect" {
	hexz-chunk --stats 1.json "$IN/sparse" | hexz-dedup --stats 2.json | hexz-compress --stats 3.json | hexz-seal --stats 4.json -o a.hxz
	hexz-unseal --stats 5.json -o a.hxs a.hxz
	same='{bytes, segments, data, zero, hole, ref, raw_bytes, payload_bytes}'
	hexz-inspect --json a.hxz | jq -S "$same" >want
	for n in 3 4 5; do
		jq -S "$same" $n.json | cmp - want || fail "$n.json: $(cat $n.json)"
	done
	[ "$(jq -s -c 'map(.stage)' {1..5}.json)" = '["hexz-chunk","hexz-dedup","hexz-compress","hexz-seal","hexz-unseal"]' ]
	[ "$(jq -s -c 'map(.version) | unique' {1..5}.json)" = '[1]' ]
	[ "$(jq -s -c 'map(.bytes) | unique' {1..5}.json)" = "[$(size "$IN/sparse")]" ]
	[ "$(jq .written_bytes 4.json)" -eq "$(size a.hxz)" ]
	[ "$(jq .written_bytes 5.json)" -eq "$(size a.hxs)" ]
	[ "$(jq -r .archive_id 4.json)" = "$(hexz-inspect --json a.hxz | jq -r .id)" ]
	# None of a stage that failed.
	run ! hexz-seal --stats failed.json -o b.hxz "$IN/one"
	[ ! -e failed.json ]
}

@test "--progress and -q: on stderr only" {
	hexz-chunk "$IN/noise" >in.hxs
	hexz-seal in.hxs >in.hxz
	for stage in "hexz-chunk $IN/noise" "hexz-dedup in.hxs" "hexz-compress in.hxs" "hexz-seal in.hxs" "hexz-unseal in.hxz" "hexz-cat in.hxz" "hexz-verify in.hxz"; do
		$stage --progress=never >want 2>err
		[ ! -s err ]
		$stage --progress=always 2>err | cmp - want
		[ -s err ] || fail "$stage: no progress"
		# auto: stderr is not a terminal.
		$stage 2>err | cmp - want
		[ ! -s err ]
		$stage -q 2>err | cmp - want
		[ ! -s err ]
	done
	run -0 in_terminal "hexz-cat in.hxz >out"
	[[ $output == *hexz-cat* ]]
	run -0 in_terminal "hexz-cat -q in.hxz >out"
	[ -z "$output" ]
	run -0 in_terminal "hexz-cat in.hxz | cat >out"
	[ -z "$output" ]
}

@test "names that would steer a terminal are printed harmlessly" {
	name=$'\e[31mred\e]0;title\a\n\u202e'
	hexz-chunk --name "$name" "$IN/one" | hexz-seal -o a.hxz
	hexz-chunk "$name=$IN/one" other="$IN/one" | hexz-seal -o two.hxz
	"$PYTHON" -c 'import msgpack, sys
for f in [[0, "hexz", 1, [], {}], [7, "hexz-chunk\x1b[31m", "no\x1b[2Jsuch\nfile\x07"]]: sys.stdout.buffer.write(msgpack.packb(f))' >aborted.hxs
	for command in "hexz-inspect a.hxz" "hexz-inspect --chunks a.hxz" "hexz-inspect --segments a.hxz" "hexz-cat two.hxz" "hexz-seal -o out aborted.hxs" "hexz-verify -v $'a\e.hxz'"; do
		run --separate-stderr bash -c "$command"
		# Bytes that are not printable, but for line ends and tabs.
		odd=$(printf '%s%s' "$output" "$stderr" | tr -d '\n\t\40-\176')
		[ -z "$odd" ] || fail "$command: $(xxd -p <<<"$odd")"
	done
	[ "$(hexz-inspect --json a.hxz | jq -r '.streams[0].name')" = "$name" ]
	hexz-cat --stream "$name" two.hxz | cmp - "$IN/one"
}

@test "--no-hints and HEXZ_HINTS=0: errors without hints; and advice is for a terminal only" {
	run -2 --separate-stderr hexz-cat --bogus
	[[ $stderr == *"hint: "* ]]
	for command in "hexz-cat --no-hints --bogus" "HEXZ_HINTS=0 hexz-cat --bogus" "hexz-cat --no-hints a b"; do
		run -2 --separate-stderr bash -c "$command"
		[[ $stderr == "hexz-cat: "* && ${#stderr_lines[@]} -eq 1 ]] || fail "$command: $stderr"
	done
	# Nothing that a job of cron would mail every day.
	hexz-keygen encrypt -o key >recipient
	hexz-chunk "$IN/noise" >in.hxs
	run -0 --separate-stderr hexz-seal -R recipient -o a.hxz in.hxs
	[ -z "$stderr" ] || fail "$stderr"
	run -0 on_terminal "hexz-seal --progress never -R recipient -o a.hxz in.hxs"
	[[ $output == *"hint: "*"--chunk-key-file"* ]] || fail "$output"
	run -0 on_terminal "hexz-seal --progress never --no-hints -R recipient -o a.hxz in.hxs"
	[ -z "$output" ] || fail "$output"
}

@test "--stats has the time and the memory that a stage took" {
	hexz-chunk --stats 1.json "$IN/noise" | hexz-dedup | hexz-compress --stats 2.json >/dev/null
	jq -e '.seconds > 0 and .user_seconds >= 0 and .system_seconds >= 0' 2.json
	# Of this program, however large the one is that has started it.
	"$PYTHON" -c 'import subprocess, sys
ballast = b"x" * (300 << 20)
subprocess.run(["hexz-chunk", "--stats", "3.json", "-o", "/dev/null", sys.argv[1]], check=True)' "$IN/one"
	jq -e '.max_rss_bytes > 1e6 and .max_rss_bytes < 100e6' 1.json 3.json
}

@test "an input of the wrong kind: the file's name, what it is, and what to do" {
	noise 300000 x >f
	hexz-chunk f >s.hxs
	hexz-seal -o a.hxz s.hxs
	gzip -k a.hxz
	cat a.hxz a.hxz >aa.hxz
	hexz-inspect --export-index a.hxz >a.hxi
	hexz-keygen encrypt -o key >/dev/null
	: >empty
	head -c 100000 a.hxz >cut.hxz
	tar -cf t.tar f
	cp f x=y.img
	while IFS='|' read -r command want hint; do
		run --separate-stderr bash -c "$command"
		[ "$status" -ne 0 ] || fail "$command: exit 0"
		one_error "${command%% *}"
		# shellcheck disable=SC2053 # a pattern
		[[ ${stderr_lines[0]} == *$want* && ${stderr_lines[1]} == *$hint* ]] || fail "$command: $stderr"
	done <<-'END'
		hexz-compress f|f: this is not a hexz stream|hexz-chunk f
		hexz-seal <f|standard input: this is not a hexz stream|hexz-chunk FILE
		hexz-cat a.hxz.gz|a.hxz.gz: *a gzip file|gzip -dc a.hxz.gz
		hexz-verify a.hxz.gz|a.hxz.gz: *a gzip file|gzip -dc a.hxz.gz
		hexz-unseal t.tar|t.tar: *a tar file|hexz-chunk t.tar
		hexz-cat key|key: *a private key|-i
		hexz-inspect empty|empty: *empty|
		hexz-verify s.hxs|s.hxs: *a chunk stream|hexz-seal
		hexz-diff s.hxs a.hxz|s.hxs: *a chunk stream|hexz-seal
		hexz-commit --base s.hxs f|s.hxs: *a chunk stream|hexz-seal
		hexz-verify a.hxi|a.hxi: *an exported index|--parent
		hexz-verify cut.hxz|cut.hxz: *cut short|--salvage
		hexz-verify aa.hxz|aa.hxz: *before the archive|tail -c +
		hexz-cat aa.hxz|aa.hxz: *before the archive|tail -c +
		hexz-chunk x=y.img|y.img: no such file|./x=y.img
		hexz-commit --base a.hxz x=y.img|y.img: no such file|./x=y.img
		hexz-chunk .|directory|tar -cf
	END
	eval "$(hexz-verify aa.hxz 2>&1 | sed -n 's/FILE/last.hxz/; s/^hint: [^:]*: //p')"
	cmp last.hxz a.hxz
}

@test "a value that may be left out stands after an equals sign" {
	pack "$IN/one" a.hxz
	run -2 --separate-stderr hexz-cat --sparse always a.hxz
	[[ $stderr == *"hint: "*"--sparse=always"* ]] || fail "$stderr"
	run -1 --separate-stderr hexz-commit --base a.hxz --chain 2 a.qcow2 -o out
	[[ $stderr == *"hint: "*"--chain=2"* ]] || fail "$stderr"
	run -2 --separate-stderr hexz-cat a.hxz b.hxz
	[[ $stderr != *"equals sign"* ]] || fail "$stderr"
	[[ $(hexz-cat --help) == *" --sparse[=WHEN] "* && $(hexz-commit --help) == *" --chain[=N] "* ]]
}
