# Parents of thin archives: copies of them, and what cannot be read.
# shellcheck disable=SC2016

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	noise 300000 v >v0
	pack v0 v0.hxz
	for n in {1..4}; do
		cp v$((n - 1)) v$n
		noise 3000 "$n" | dd of=v$n bs=1 seek=$((n * 50000)) conv=notrunc status=none
		hexz-chunk v$n | hexz-dedup --parent v$((n - 1)).hxz | hexz-compress | hexz-seal -o v$n.hxz
	done
	export T=$PWD
}

@test "forty parents, and hardly a file descriptor" {
	cp "$T/v0" v
	cp "$T/v0.hxz" 0.hxz
	parents=()
	for n in {1..40}; do
		printf 'version %s' "$n" | dd of=v bs=1 seek=$((n * 7000)) conv=notrunc status=none
		hexz-chunk v | hexz-dedup --parent $((n - 1)).hxz | hexz-seal -o "$n.hxz"
		parents+=(--parent "$n.hxz")
	done
	(ulimit -n 24 && hexz-cat -o out 40.hxz)
	cmp out v
	(ulimit -n 24 && hexz-cat --keep-going <40.hxz --parent-dir . -o out)
	cmp out v
	(ulimit -n 24 && hexz-verify 40.hxz)
	(ulimit -n 24 && hexz-inspect --chain 40.hxz >chain)
	[ "$(grep -c 'of own data' chain)" -eq 41 ] || fail "$(cat chain)"
	(ulimit -n 24 && hexz-unseal --flatten 40.hxz | hexz-seal -o flat.hxz)
	hexz-cat flat.hxz | cmp - v
	hexz-chunk v >v.hxs
	(ulimit -n 24 && hexz-dedup "${parents[@]}" v.hxs -o thin.hxs)
	[ "$(hexz-inspect --json thin.hxs | jq .data.n)" -eq 0 ]
	(ulimit -n 24 && hexz-seal --check-parents . -o thin.hxz thin.hxs)
}

@test "a read error of a parent: exit 1, its name, and never zeros; another copy serves" {
	strace -f -qq -o trace -e inject=fsync:error=EIO true 2>/dev/null || skip "strace is missing, or not allowed here"
	cp "$T"/v?.hxz .
	failing() { strace -f -qq -o trace -P "$PWD/v3.hxz" -e trace=pread64 -e inject=pread64:error=EIO "$@"; }
	for tool in hexz-cat "hexz-cat --keep-going" hexz-verify "hexz-unseal --flatten" "hexz-inspect --chain"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr failing $tool v4.hxz
		[[ $stderr == *"v3.hxz: input/output error"* && $stderr != *missing* && $stderr != *"cut short"* ]] || fail "$tool: $stderr"
	done
	run -1 failing hexz-cat --keep-going -o out v4.hxz
	[ ! -e out ]
	run -1 failing hexz-dedup --parent v3.hxz /dev/null
	[[ $output == *"v3.hxz: input/output error"* ]] || fail "$output"
	mkdir more
	cp v3.hxz more/copy.hxz
	failing hexz-cat --parent-dir more v4.hxz | cmp - "$T/v4"
	# Without the file there is nothing but a missing parent, and that can be gone on without.
	rm -r v3.hxz more
	run -3 --separate-stderr hexz-cat --keep-going -o out v4.hxz
	[[ $stderr == *"lost in"* ]] || fail "$stderr"
	[ -e out ]
}

@test "a damaged copy of a parent: another one serves, also chunk by chunk" {
	cp "$T"/v?.hxz .
	mkdir more
	cp v0.hxz more/a.hxz
	read -r first second < <(hexz-inspect --segments v0.hxz | awk 'NR > 1 { print $6 + $7 - 1 }' | paste -s -d ' ')
	poke v0.hxz "$first"
	run -3 hexz-cat v4.hxz
	hexz-cat --parent-dir more v4.hxz | cmp - "$T/v4"
	poke more/a.hxz "$second"
	hexz-cat --parent-dir more v4.hxz | cmp - "$T/v4"
	hexz-verify --parent-dir more v4.hxz
	# The index is damaged, or the copy is cut.
	cp "$T/v0.hxz" v0.hxz
	for change in "poke v0.hxz $(($(size v0.hxz) - 100))" "truncate -s -1 v0.hxz"; do
		cp "$T/v0.hxz" v0.hxz
		cp "$T/v0.hxz" more/a.hxz
		$change
		hexz-cat --parent-dir more v4.hxz | cmp - "$T/v4"
	done
}

@test "a FIFO is refused at once" {
	mkfifo x.hxz
	cp "$T/v0.hxz" .
	for command in "hexz-verify x.hxz" "hexz-diff v0.hxz x.hxz" "hexz-diff x.hxz v0.hxz" "hexz-commit --base x.hxz v0.hxz" \
		"hexz-inspect --chain x.hxz" "hexz-inspect --export-index x.hxz" "hexz-inspect --export-signed a x.hxz" \
		"hexz-sign -k none x.hxz" "hexz-dedup --parent x.hxz v0.hxz" "hexz-chunk --like x.hxz v0.hxz" "hexz-cat --parent x.hxz v0.hxz"; do
		code=0
		# shellcheck disable=SC2086
		timeout 20 $command >/dev/null 2>err || code=$?
		[ $code -ne 124 ] || fail "$command waits"
		[[ $command == hexz-cat* || $code -eq 1 || $code -eq 2 ]] || fail "$command: $code: $(cat err)"
	done
}
