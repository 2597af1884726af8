# The command line that all binaries share.

load helper

BINARIES=(hexz-cat hexz-chunk hexz-commit hexz-compress hexz-dedup hexz-delta hexz-diff hexz-inspect hexz-keygen hexz-seal hexz-sign hexz-unlock hexz-unseal hexz-verify)
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

@test "a terminal is no place for binary data" {
	hexz-chunk "$IN/one" >in.hxs
	hexz-seal in.hxs -o in.hxz
	for stage in "hexz-chunk $IN/one" "hexz-dedup in.hxs" "hexz-compress in.hxs" "hexz-seal in.hxs" "hexz-unseal in.hxz" "hexz-cat in.hxz" "hexz-inspect --export-index in.hxz"; do
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
	run -2 hexz-chunk --name $'\xff' "$IN/one"
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
