# The same input and flags give the same bytes, whatever the threads and the pipes do.

load helper

pipeline() { # THREADS IN [FLAG OF hexz-compress]...
	local threads=$1 in=$2
	shift 2
	hexz-chunk -T "$threads" "$in" | hexz-dedup | hexz-compress -T "$threads" "$@" | hexz-seal
}

# A reader and writer of small pieces, in random sizes.
slowly() {
	"$PYTHON" -c '
import os, random
r = random.Random(1)
while True:
    p = os.read(0, r.choice([1, 2, 7, 100, 4095, 4096, 10000]))
    if not p: break
    os.write(1, p)'
}

@test "any number of threads, on one CPU" {
	pipeline 7 "$IN/tree.tar" >want.hxz
	GOMAXPROCS=1 pipeline 0 "$IN/tree.tar" | cmp - want.hxz
}

@test "byte by byte into each stage" {
	head -c 70000 "$IN/twice" >in
	cat in | pipeline 2 - >want.hxz
	crawl() { dd bs=1 status=none; }
	crawl <in | hexz-chunk | crawl | hexz-dedup | crawl | hexz-compress | crawl | hexz-seal >a.hxz
	cmp want.hxz a.hxz
	crawl <a.hxz | hexz-cat | cmp - in
}

@test "pieces of any size into each stage" {
	cat "$IN/twice" | pipeline 2 - >want.hxz
	slowly <"$IN/twice" | hexz-chunk | slowly | hexz-dedup | slowly | hexz-compress | slowly | hexz-seal | slowly >a.hxz
	cmp want.hxz a.hxz
	slowly <a.hxz | hexz-cat | slowly | cmp - "$IN/twice"
	[ "$(slowly <a.hxz | hexz-inspect --json)" = "$(hexz-inspect --json <want.hxz)" ]
}

@test "another name or time of the input changes nothing" {
	cp "$IN/noise" other
	touch -d 2001-01-01 other
	pipeline 2 "$IN/noise" >want.hxz
	TZ=Asia/Tokyo HOSTNAME=other pipeline 2 ./other | cmp - want.hxz
}

@test "hexz-seal --max-memory makes the same archive, with its index in files" {
	head -c 6M /dev/urandom >in
	hexz-chunk --chunker fixed --size 128 in in2=in | hexz-dedup >s
	hexz-seal -o a.hxz <s
	TMPDIR=$PWD hexz-seal --max-memory 1M -o b.hxz <s
	cmp a.hxz b.hxz
	run ! env TMPDIR=/does/not/exist hexz-seal --max-memory 1M -o c.hxz <s
	[[ $output == *hexz-seal-* ]]
	[ ! -e c.hxz ]
}
