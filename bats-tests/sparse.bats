# hexz-cat --sparse: what of a restored file is allocated.

load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	truncate -s 20M disk
	noise 100000 x >>disk
	hexz-chunk <disk | hexz-seal -o holes.hxz
	hexz-chunk < <(cat disk) | hexz-seal -o zeros.hxz
	hexz-chunk --chunker fixed --size 1M disk | hexz-seal -o fixed.hxz
}

@test "zeros that came through a pipe become holes with --sparse" {
	for name in holes zeros fixed; do
		for from in "$name.hxz" -; do
			hexz-cat --sparse -o out $from <"$name.hxz"
			cmp out disk
			[ "$(allocated out)" -lt 1000000 ] || fail "$name: $(allocated out)"
			rm out
			hexz-cat --sparse=always --in-place -o out $from <"$name.hxz"
			cmp out disk
			[ "$(allocated out)" -lt 1000000 ] || fail "$name in place: $(allocated out)"
			rm out
		done
	done
	hexz-cat --sparse zeros.hxz >out
	[ "$(allocated out)" -lt 1000000 ]
}

@test "auto keeps holes and zeros apart, never makes no holes" {
	hexz-cat -o out holes.hxz
	[ "$(allocated out)" -lt 1000000 ]
	hexz-cat -o out zeros.hxz
	[ "$(allocated out)" -gt 20000000 ]
	hexz-cat --sparse=never -o out holes.hxz
	[ "$(allocated out)" -gt 20000000 ]
	cmp out disk
}

@test "in place, blocks that become zero are freed or kept" {
	for how in always never; do
		head -c 21000000 /dev/urandom >"$how"
		hexz-cat -q --in-place --sparse=$how -o $how holes.hxz
		cmp $how disk
	done
	[ "$(allocated always)" -lt 1000000 ]
	[ "$(allocated never)" -gt 20000000 ]
	head -c 21000000 /dev/urandom >out
	hexz-cat -q --in-place --sparse -o out zeros.hxz
	[ "$(allocated out)" -lt 1000000 ]
	cmp out disk
}

@test "what has no holes: --sparse=always is refused" {
	run -2 --separate-stderr bash -c "set -o pipefail; hexz-cat --sparse zeros.hxz | cat"
	[ -z "$output" ]
	run -2 hexz-cat --sparse=always -o /dev/null zeros.hxz
	run -2 hexz-cat --sparse=sometimes -o out zeros.hxz
	hexz-cat --sparse=never zeros.hxz | cmp - disk
}
