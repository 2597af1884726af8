# Patches: hexz-delta, and all that reads what it makes.

load helper

# versions: old, and new, which differs from it by a few bytes in every kilobyte.
versions() {
	"$PYTHON" -c '
import random, re
r = random.Random("text")
words = [r.randbytes(r.randrange(2, 9)).hex() for _ in range(3000)]
old = " ".join(r.choice(words) for _ in range(160000)).encode()
open("old", "wb").write(old)
new, at = [], 0
while at < len(old):
    n = r.randrange(400, 1600)
    new += [old[at:at + n], b"changed"]
    at += n + r.randrange(0, 9)
open("new", "wb").write(b"".join(new))
'
	pack old base.hxz
}

# delta OUT [FLAG]...: new as patches of base.hxz.
delta() {
	hexz-chunk new | hexz-dedup --parent base.hxz | hexz-delta --parent base.hxz "${@:2}" | hexz-compress | hexz-seal -o "$1"
}

# field FILE NAME prints a number of the report.
field() { hexz-inspect --json "$1" | "$PYTHON" -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$2"; }

@test "a new version as patches: smaller, and restored by all readers" {
	versions
	delta new.hxz
	hexz-chunk new | hexz-dedup --parent base.hxz | hexz-compress | hexz-seal -o thin.hxz
	[ "$(size new.hxz)" -lt $(($(size thin.hxz) / 8)) ]
	[ "$(field new.hxz '["patch"]["n"]')" -gt 50 ]
	hexz-cat new.hxz | cmp - new
	hexz-cat --parent base.hxz <new.hxz | cmp - new
	hexz-unseal new.hxz | hexz-cat --parent base.hxz | cmp - new
	hexz-verify new.hxz
	for at in 0 1 77777 500000 $(($(size new) - 5000)); do
		hexz-cat --offset "$at" --length 4096 new.hxz | cmp - <(tail -c +$((at + 1)) new | head -c 4096)
	done
	hexz-unseal --flatten new.hxz | hexz-seal -o flat.hxz
	mkdir alone
	mv flat.hxz alone
	hexz-cat alone/flat.hxz | cmp - new
	[ "$(field alone/flat.hxz '["patch"]["n"]')" -eq 0 ]
	run -0 hexz-inspect new.hxz
	[[ $output == *"patched"* && $output == *"delta        1 : "* ]]
	run -0 bash -c 'hexz-inspect --chunks new.hxz | cut -f 4 | sort | uniq -c'
	[[ $output == *" patch"* ]]
}

@test "stages behind it: encoded anew, with another codec, deduplicated, sealed with keys" {
	versions
	delta new.hxz
	hexz-keygen encrypt -o key >/dev/null 2>&1
	hexz-compress -c lz4 -b 64K new.hxz | hexz-compress -d | hexz-dedup | hexz-compress -l 9 |
		hexz-seal -R <(grep -o "age1[a-z0-9]*" key) -o again.hxz
	hexz-cat -i key again.hxz | cmp - new
	hexz-verify -i key again.hxz
}

@test "the next version after that: parents are found through parents" {
	versions
	delta new.hxz
	{ head -c 300000 new; printf 'a few bytes more'; tail -c +300000 new; } >third
	hexz-chunk third | hexz-dedup --parent new.hxz | hexz-delta --parent new.hxz --parent base.hxz | hexz-compress | hexz-seal -o third.hxz
	hexz-cat third.hxz | cmp - third
	hexz-cat --parent new.hxz --parent base.hxz <third.hxz | cmp - third
	hexz-verify third.hxz
	run -0 hexz-inspect --chain third.hxz
	[[ $output == *base.hxz* && $output == *new.hxz* ]]
	run -1 hexz-diff -q third.hxz new.hxz
	mkdir away
	mv base.hxz away
	run -1 --separate-stderr hexz-cat third.hxz
	one_error hexz-cat
	[[ $stderr == *"parent archive is missing"* ]]
	hexz-cat --parent-dir away third.hxz | cmp - third
}

@test "--self: parts of one input that are much alike" {
	versions
	cat old new >both
	hexz-chunk both | hexz-dedup | hexz-delta --self | hexz-compress | hexz-seal -o self.hxz
	pack both plain.hxz
	[ "$(size self.hxz)" -lt $(($(size plain.hxz) * 7 / 10)) ]
	hexz-cat self.hxz | cmp - both
	hexz-cat <self.hxz | cmp - both
	hexz-verify self.hxz
	hexz-unseal self.hxz | hexz-seal -o again.hxz
	hexz-cat again.hxz | cmp - both
	only again.hxz base.hxz both new old plain.hxz self.hxz
}

@test "hexz-dedup --parent behind hexz-delta --self: refused where it would take a base away" {
	versions
	cat old new >both
	hexz-chunk both | hexz-dedup | hexz-delta --self >self.hxs
	run -1 --separate-stderr hexz-dedup --parent base.hxz -o out self.hxs
	[[ $stderr == *"before hexz-delta"* ]] || fail "$stderr"
	[ ! -e out ]
	hexz-dedup self.hxs | hexz-seal | hexz-cat | cmp - both
	pack "$IN/noise" other.hxz
	hexz-dedup --parent other.hxz self.hxs | hexz-seal | hexz-cat --parent other.hxz | cmp - both
}

@test "the same bytes for any number of threads" {
	versions
	for threads in 1 2 7; do
		delta $threads.hxz -T $threads --self
		cmp 1.hxz $threads.hxz
	done
}

@test "the same bytes for any --cache" {
	versions
	delta one.hxz
	for cache in 1 100K 1G; do
		delta two.hxz --cache "$cache"
		cmp one.hxz two.hxz
		hexz-cat --cache "$cache" two.hxz | cmp - new
		hexz-cat --cache "$cache" --parent base.hxz <two.hxz | cmp - new
		hexz-unseal --flatten --cache "$cache" two.hxz | hexz-cat | cmp - new
		hexz-verify --cache "$cache" two.hxz
	done
	run -2 hexz-cat --cache lots two.hxz
}

@test "200 MB of patches are restored in less than 64 MiB of memory" {
	"$PYTHON" - <<-'END'
		import random
		p = bytearray(random.Random(1).randbytes(200_000_000))
		open("old", "wb").write(p)
		p[::20_000] = bytes(len(p) // 20_000)
		open("new", "wb").write(p)
	END
	hexz-chunk --avg 64K old | hexz-dedup | hexz-compress | hexz-seal -o base.hxz
	hexz-chunk --avg 64K new | hexz-dedup --parent base.hxz | hexz-delta --parent base.hxz | hexz-compress | hexz-seal -o new.hxz
	[ "$(field new.hxz '["patch"]["bytes"]')" -gt 190000000 ]
	mkfifo fifo
	for args in "hexz-cat -T 2 -o back new.hxz" "hexz-verify -T 2 new.hxz" "hexz-unseal -T 2 --flatten -o flat.hxs new.hxz" \
		"hexz-cat -T 2 --parent base.hxz -o piped fifo"; do
		[[ $args != *fifo ]] || cat new.hxz >fifo &
		# shellcheck disable=SC2086
		kib=$(peak $args)
		[ "$kib" -lt $((64 * 1024)) ] || fail "$args: $kib KiB"
	done
	cmp back new
	cmp piped new
}

@test "patches of many large segments do not hold them all in memory" {
	"$PYTHON" - <<-'END'
		import random
		r = random.Random(2)
		p = r.randbytes(256_000_000)
		open("old", "wb").write(p)
		pages = r.sample(range(len(p) // 4096), 300)
		open("new", "wb").write(b"".join(p[n * 4096:][:4096] for n in pages))
	END
	hexz-chunk --avg 64K old | hexz-dedup | hexz-compress -b 8M | hexz-seal -o base.hxz
	hexz-chunk --avg 64K new | hexz-dedup --parent base.hxz | hexz-delta --parent base.hxz | hexz-compress | hexz-seal -o new.hxz
	kib=$(peak hexz-cat -T 2 -o back new.hxz)
	[ "$kib" -lt $((128 * 1024)) ] || fail "$kib KiB"
	cmp back new
}

@test "encrypted parents" {
	versions
	hexz-keygen encrypt -o key >/dev/null 2>&1
	hexz-unseal base.hxz | hexz-seal -R <(grep -o 'age1[a-z0-9]*' key) -o locked.hxz
	rm base.hxz
	hexz-chunk new | hexz-dedup -i key --parent locked.hxz >thin.hxs
	run -1 --separate-stderr hexz-delta --parent locked.hxz -o none.hxs thin.hxs
	one_error hexz-delta
	hexz-delta -i key --parent locked.hxz thin.hxs | hexz-compress | hexz-seal -o new.hxz
	hexz-cat -i key --parent locked.hxz new.hxz | cmp - new
}

@test "nothing to make patches of: a warning, and the stream as it is" {
	hexz-chunk "$IN/noise" | hexz-dedup >in.hxs
	run -0 --separate-stderr bash -c 'hexz-delta in.hxs | hexz-seal -o a.hxz'
	[[ $stderr == *"hexz-delta: warning: no patches are made: the stream names no parents"*"--self was not given"* ]]
	hexz-cat a.hxz | cmp - "$IN/noise"
}

@test "a parent that is missing or another archive" {
	versions
	hexz-chunk new | hexz-dedup --parent base.hxz >thin.hxs
	mkdir away
	mv base.hxz away
	run -1 --separate-stderr hexz-delta -o out.hxs thin.hxs
	one_error hexz-delta
	pack new other.hxz
	run -1 --separate-stderr hexz-delta --parent other.hxz -o out.hxs thin.hxs
	one_error hexz-delta
	[ ! -e out.hxs ]
	# Damage in the parent is found when the bytes are needed.
	poke away/base.hxz 5000
	run -3 --separate-stderr hexz-delta --parent away/base.hxz -o out.hxs thin.hxs
	one_error hexz-delta
}

@test "damage in an archive of patches" {
	versions
	delta good.hxz
	size=$(size good.hxz)
	for ((at = 50; at < size; at += 1 + size / 40)); do
		cp good.hxz bad.hxz
		poke bad.hxz "$at"
		run -3 hexz-verify bad.hxz
		run bash -c 'hexz-cat bad.hxz 2>/dev/null >out'
		[ "$status" -ne 0 ] || cmp out new
		cmp -n "$(size out)" out new
	done
}

# A limit is no demand: what is not needed is not taken, and a limit beyond the machine is no crash.
@test "--max-memory of more than the machine has" {
	hexz-chunk "$IN/noise" >in.hxs
	hexz-delta --self -o want in.hxs
	for size in 1T 8388607T; do
		run -0 --separate-stderr hexz-delta --self --max-memory $size --stats stats -o out in.hxs
		[ -z "$stderr" ] || fail "$stderr"
		cmp out want
		jq -e '.max_rss_bytes < 64e6' stats
	done
	run -0 --separate-stderr bash -c 'ulimit -v 2000000; hexz-delta --self --max-memory 1T -o out in.hxs'
	cmp out want
	for command in "hexz-dedup" "hexz-seal"; do
		$command in.hxs >want
		$command --max-memory 8388607T in.hxs | cmp - want
	done
}
