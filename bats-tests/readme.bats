#!/usr/bin/env bats
# All commands of README.md, as they stand there, by a user whose account is new: a copy of the
# sources, the system's programs, two hosts to reach by ssh, and the files that the commands name.

load helper

setup_file() {
	export ACCOUNT=$BATS_FILE_TMPDIR/account
	mkdir -p "$ACCOUNT"/{.ssh,tools,work} "$BATS_FILE_TMPDIR/server"
	cd "$BATS_FILE_TMPDIR" || return 1
	start_sshd
	start_hosts
	copy_sources
	cd "$ACCOUNT/work" || return 1
	make_files
}

teardown_file() { stop_sshd; }

# start_hosts makes two hosts of the server, which share a home with hexz installed. ssh does not look
# for its files in $HOME, so it is told.
start_hosts() {
	cat >login <<-END
		#!/bin/bash
		cd "$BATS_FILE_TMPDIR/server"
		exec env -i HOME="$BATS_FILE_TMPDIR/server" PATH="$BIN:/usr/bin:/bin" bash -c "\$SSH_ORIGINAL_COMMAND"
	END
	chmod +x login
	sed -i "s|^|command=\"$PWD/login\" |" authorized
	sed 's/^Host there/Host host server/' ssh_config >"$ACCOUNT/.ssh/config"
	printf '#!/bin/sh\nexec %s -F "$HOME/.ssh/config" "$@"\n' "$(command -v ssh)" >"$ACCOUNT/tools/ssh"
	chmod +x "$ACCOUNT/tools/ssh"
}

copy_sources() {
	local repo=$BATS_TEST_DIRNAME/..
	mkdir "$ACCOUNT/hexz"
	cp -r "$repo"/{Makefile,README.md,cmd,docs,examples,go.mod,go.sum,internal,pkg,scripts} "$ACCOUNT/hexz/"
	ln -s ../hexz/examples "$ACCOUNT/work/examples"
	ln -s ../work/disk.img "$ACCOUNT/hexz/disk.img"
}

# make_files makes what README.md takes for given, for the user and on the server.
make_files() {
	local root=$BATS_FILE_TMPDIR/root
	mkdir "$root"
	cp -r "$ACCOUNT/hexz/pkg" "$root/"
	cp "$IN/noise" "$root/a"
	cp "$IN/noise" "$root/b"
	head -c 200000 /dev/zero | tr '\0' x >"$root/x"
	truncate -s 100M disk.img
	mkfs.ext4 -q -d "$root" disk.img
	# What was deleted leaves zeros that are allocated.
	dd if=/dev/zero of=disk.img bs=1M seek=90 count=1 conv=notrunc status=none
	cp "$IN/records.json" ram.bin
	cp "$IN/tree.tar" linux-a.tar
	"$PYTHON" -c 'import sys; p = bytearray(sys.stdin.buffer.read()); p[600::5000] = bytes(len(p[600::5000])); sys.stdout.buffer.write(p)' <linux-a.tar >linux-b.tar
	cat linux-a.tar linux-b.tar >vm.img
	cp --sparse=always disk.img old.img
	dd if="$IN/noise" of=old.img bs=64K seek=400 count=4 conv=notrunc status=none
	pack old.img monday.hxz
	cp linux-a.tar base.img
	pack base.img base.hxz
	pack disk.img bad.hxz
	poke bad.hxz $(($(size bad.hxz) / 2))
	qemu-img create -q -f qcow2 -b disk.img -F raw overlay.qcow2
	qemu-io -c 'write -q -P 7 1M 64K' overlay.qcow2
	qemu-img create -q -f qcow2 -b overlay.qcow2 -F qcow2 top.qcow2
	qemu-io -c 'write -q -P 8 2M 64K' top.qcow2
	qemu-img convert -O qcow2 vm.img vm.qcow2
	cp vm.img "$BATS_FILE_TMPDIR/server/"
	pack vm.img "$BATS_FILE_TMPDIR/server/vm.hxz"
}

@test "all commands of README.md run as they stand there" {
	with_modules msgpack blake3 zstandard
	[ "$(command -v python3)" = "$PY" ] || printf '#!/bin/sh\nexec "%s" "$@"\n' "$PY" >"$ACCOUNT/tools/python3"
	[ ! -e "$ACCOUNT/tools/python3" ] || chmod +x "$ACCOUNT/tools/python3"
	cd "$ACCOUNT/work"
	local go=()
	mapfile -t go < <(go env GOCACHE GOMODCACHE GOPROXY GOTOOLCHAIN GOFLAGS)
	env -i HOME="$ACCOUNT" TMPDIR="$BATS_TEST_TMPDIR" LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
		PATH="$ACCOUNT/tools:$BIN:$(dirname "$(command -v go)"):/usr/local/bin:/usr/bin:/bin" \
		GOCACHE="${go[0]}" GOMODCACHE="${go[1]}" GOPROXY="${go[2]}" GOTOOLCHAIN="${go[3]}" GOFLAGS="${go[4]}" \
		"$PY" "$BATS_TEST_DIRNAME/readme.py" "$ACCOUNT/hexz/README.md" >log 2>&1 || fail "$(cat log)"
	grep -q '^[3-9][0-9] commands$' log
	[ -x "$ACCOUNT/.local/bin/hexz-cat" ] # by make install
}

@test "what a document promises and the commands do not do is noticed" {
	printf '%s\n' '```console' '$ echo 12 chunks; echo two' '1 chunk' 'two' '```' '    true |' '        cat' >good.md
	run -0 "$PYTHON" "$BATS_TEST_DIRNAME/readme.py" good.md
	[[ $output == *$'\n2 commands' ]] || fail "$output"
	printf '%s\n' '```console' '$ echo two' 'three' '```' >other.md
	printf '%s\n' '```console' '$ printf "one\ntwo\n"' 'one' '```' >more.md
	printf '%s\n' 'Text.' '' '    true' '    false | true' >fails.md
	for doc in other more fails; do
		run -1 "$PYTHON" "$BATS_TEST_DIRNAME/readme.py" $doc.md
		[[ $output == *"$doc.md:"* ]] || fail "$output"
	done
}
