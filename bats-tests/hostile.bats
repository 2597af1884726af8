# Archives and streams that lie, as a stranger might make them: every binary says so in one line,
# and takes no more memory and time than for others.

load helper

setup_file() {
	export HOSTILE=$BATS_FILE_TMPDIR/hostile
	mkdir "$HOSTILE"
	local repo=$BATS_TEST_DIRNAME/..
	(cd "$repo" && HEXZ_HOSTILE=$HOSTILE go test -count=1 -run 'TestWrite$' ./internal/hostiletest) || return 1
	(cd "$HOSTILE" && hexz-chunk "$IN/one" | tee stream.hxs | hexz-seal -o good.hxz)
}

# code CLASS prints the exit code for what a reader of a file is to make of it.
code() {
	case $1 in
	ok) echo 0 ;;
	parent) echo 1 ;;
	codec) echo 6 ;;
	aborted) echo 4 ;;
	corrupt | truncated) echo 3 ;;
	*) fail "no such class: $1" ;;
	esac
}

# every SIZE COUNT: commands for all cases of that size, of which there are so many at least.
every() {
	local size name scan cat restore verify inspect dedup diff commit n=0
	while read -r size name scan cat restore verify inspect dedup diff commit; do
		[ "$size" = "$1" ] || continue
		n=$((n + 1))
		echo "$(code "$verify") hexz-verify -T 2 $name"
		echo "$(code "$inspect") hexz-inspect --chunks $name"
		echo "$(code "$scan") hexz-unseal $name"
		echo "$(code "$dedup") hexz-dedup --parent $name stream.hxs"
		# The exit codes of diff(1). It looks at a part of an index only, so it need not find a lie.
		case $verify in
		ok) echo "01 hexz-diff $name sound.hxz" ;;
		*) echo "012 hexz-diff $name sound.hxz" ;;
		esac
		[ "$size" = small ] || [[ $name == 6553* ]] || echo "$(code "$restore") hexz-cat -T 2 --stream disk $name"
	done <"$HOSTILE/cases"
	[ $n -ge "$2" ] || fail "only $n cases"
}

# bounded MIB: runs commands, see bounded.py.
bounded() { "$PYTHON" "$BATS_TEST_DIRNAME/bounded.py" "$1" 60; }

@test "archives that lie: exit code, one line, no panic" {
	cd "$HOSTILE"
	# hexz-dedup looks for the parents of a parent in all archives beside it, and here they are many.
	every small 100 | bounded 160
}

@test "archives of much in little: bounded memory and time" {
	cd "$HOSTILE"
	every large 8 | bounded 1024 # without bounds it would be several GiB
}

# An archive is what docs/format.md says, and not what one program takes: a codec that a reader does
# not know is not damage to examples/read.py.
@test "a reader in another language takes the same archives for sound" {
	with_modules msgpack blake3 zstandard lz4.block
	cd "$HOSTILE"
	"$PY" -B - "$BATS_TEST_DIRNAME/../examples" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from reader.archive import Archive
		from reader.check import check
		from reader.values import Damaged, Failed

		def verdict(name):
		    try:
		        check(Archive(name, {}))
		        return "ok"
		    except Damaged:
		        return "corrupt"
		    except Failed:
		        return "parent"
		count = 0
		for line in open("cases"):
		    size, name, _, _, _, verify, *_ = line.split()
		    if size == "small" and name != "unknown-codec.hxz":
		        count += 1
		        want = "corrupt" if verify == "truncated" else verify
		        assert verdict(name) == want, (name, verdict(name), want)
		assert count > 100
	END
}

@test "references of a stream that repeat a long chunk do not pile up" {
	cd "$HOSTILE"
	mkfifo pipe
	cat 100-references-to-16-MiB.hxz >pipe &
	echo "0 hexz-cat -T 1 pipe" | bounded 256
}

# harmless FILE...: nothing in them that a terminal would obey, and valid UTF-8.
harmless() {
	"$PYTHON" - "$@" <<-'END'
		import sys, unicodedata
		for name in sys.argv[1:]:
		    text = open(name, "rb").read().decode("utf-8")
		    bad = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in "\n\t"}
		    assert not bad, (name, bad, text[:300])
	END
}

@test "text of a stranger does no harm on a terminal" {
	cp "$HOSTILE"/text.hxz "$HOSTILE"/names.hxz "$HOSTILE"/abort.hxs "$HOSTILE"/good.hxz "$HOSTILE"/stream.hxs .
	local n=0 command
	while read -r code command; do
		n=$((n + 1))
		got=0
		bash -c "$command" >out 2>err || got=$?
		[ $got -eq "$code" ] || fail "$command: exit $got: $(cat err)"
		harmless out err
		[ $got -eq 0 ] || [ -s out ] || [ -s err ] || fail "$command says nothing"
	done <<-'END'
		0 hexz-inspect text.hxz
		0 hexz-inspect --json text.hxz
		0 hexz-inspect --segments text.hxz
		0 hexz-inspect --segments --json text.hxz
		0 hexz-inspect --chunks text.hxz
		0 hexz-inspect --chunks --json text.hxz
		0 hexz-inspect --json < <(cat text.hxz)
		1 hexz-inspect --chain text.hxz
		1 hexz-inspect --chain --json text.hxz
		1 hexz-verify text.hxz
		1 hexz-verify -v --progress always text.hxz 2>&1 | tr -d '\r\033'; exit ${PIPESTATUS[0]}
		1 hexz-cat text.hxz >/dev/null
		1 hexz-cat --follow-hints text.hxz >/dev/null
		1 hexz-cat < <(cat text.hxz) >/dev/null
		2 hexz-cat names.hxz
		2 hexz-cat < <(cat names.hxz)
		2 hexz-cat --stream $'\e[31m' names.hxz
		1 hexz-diff text.hxz good.hxz
		1 hexz-diff --json text.hxz good.hxz
		1 hexz-diff names.hxz text.hxz
		1 hexz-unseal --flatten text.hxz >/dev/null
		6 hexz-compress text.hxz >/dev/null
		0 hexz-dedup --stats out.json --parent text.hxz stream.hxs >/dev/null; cat out.json
		1 hexz-seal --check-parents . text.hxz >/dev/null
		4 hexz-seal abort.hxs >/dev/null
		4 hexz-dedup abort.hxs >/dev/null
		4 hexz-compress abort.hxs >/dev/null
		4 hexz-unseal abort.hxs >/dev/null
		4 hexz-cat abort.hxs
		4 hexz-inspect abort.hxs
		4 hexz-inspect --json abort.hxs
		4 hexz-dedup abort.hxs 2>/dev/null | hexz-cat
	END
	[ $n -gt 25 ]
}
