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
