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

@test "any number of threads" {
	for flags in "" "-c lz4 -l 9" "-c s2" "-b 10K -l 9" "--train-dict=8K -b 4K"; do
		# shellcheck disable=SC2086
		for in in tree.tar twice sparse; do
			pipeline 1 "$IN/$in" $flags >want.hxz
			for threads in 2 7 0; do
				pipeline $threads "$IN/$in" $flags | cmp - want.hxz || fail "$in, $flags, -T $threads"
			done
		done
	done
}

@test "any number of threads, on one CPU" {
	pipeline 7 "$IN/tree.tar" >want.hxz
	GOMAXPROCS=1 pipeline 0 "$IN/tree.tar" | cmp - want.hxz
}

@test "any number of threads of compress -d and hexz-cat" {
	pipeline 2 "$IN/twice" >a.hxz
	hexz-compress -d -T 1 a.hxz >want.hxs
	for threads in 2 7; do
		hexz-compress -d -T $threads a.hxz | cmp - want.hxs
		hexz-cat -T $threads a.hxz | cmp - "$IN/twice"
		hexz-cat -T $threads <want.hxs | cmp - "$IN/twice"
		hexz-verify -T $threads a.hxz
	done
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

@test "a file, a redirection and -o" {
	pipeline 2 "$IN/noise" >want.hxz
	hexz-chunk <"$IN/noise" | hexz-dedup - -o - | hexz-compress -o /dev/stdout - | hexz-seal -o a.hxz
	cmp want.hxz a.hxz
	hexz-chunk -o 1.hxs "$IN/noise"
	hexz-dedup -o 2.hxs 1.hxs
	hexz-compress -o 3.hxs 2.hxs
	hexz-seal -o b.hxz 3.hxs
	cmp want.hxz b.hxz
}

@test "another name or time of the input changes nothing" {
	cp "$IN/noise" other
	touch -d 2001-01-01 other
	pipeline 2 "$IN/noise" >want.hxz
	TZ=Asia/Tokyo HOSTNAME=other pipeline 2 ./other | cmp - want.hxz
}

@test "unseal and seal give the archive again" {
	hexz-chunk a="$IN/sparse" b="$IN/twice" c="$IN/empty" --digest sha256 | hexz-dedup | hexz-compress --train-dict=8K | hexz-seal -o a.hxz
	hexz-unseal a.hxz | hexz-seal | cmp - a.hxz
	hexz-unseal a.hxz | hexz-seal | hexz-unseal | hexz-seal | cmp - a.hxz
	hexz-seal a.hxz | cmp - a.hxz
}

@test "unseal gives the stream again" {
	hexz-chunk "$IN/twice" | hexz-dedup | hexz-compress >a.hxs
	hexz-seal a.hxs | hexz-unseal | cmp - a.hxs
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
