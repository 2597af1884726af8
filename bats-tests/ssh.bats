# A pipeline that is split over ssh gives the same archive as a local one.

load helper

setup_file() {
	# A server of our own on the loopback interface, with keys and a port of its own.
	cd "$BATS_FILE_TMPDIR" || return 1
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f user
	cp user.pub authorized
	mkdir -p /run/sshd 2>/dev/null || true # which sshd wants if root starts it

	local port n
	for n in {1..20}; do
		port=$((20000 + RANDOM % 20000))
		cat >sshd_config <<-END
			ListenAddress 127.0.0.1:$port
			HostKey $PWD/host
			AuthorizedKeysFile $PWD/authorized
			PidFile none
			StrictModes no
			UsePAM no
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PermitRootLogin yes
		END
		# sshd must be started by its full path. Descriptor 3 is the one that bats waits for.
		"$(command -v sshd)" -D -e -f sshd_config >sshd.log 2>&1 3>&- &
		SSHD=$!
		cat >ssh_config <<-END
			Host there
			HostName 127.0.0.1
			Port $port
			User $(id -un)
			IdentityFile $PWD/user
			IdentitiesOnly yes
			IdentityAgent none
			StrictHostKeyChecking no
			UserKnownHostsFile /dev/null
			BatchMode yes
			LogLevel ERROR
		END
		export SSHD SSH_CONFIG=$PWD/ssh_config
		for _ in {1..20}; do
			kill -0 $SSHD 2>/dev/null || break # the port is taken
			! ssh -F ssh_config there true </dev/null 2>ssh.err || return 0
			sleep 0.1
		done
		kill $SSHD 2>/dev/null || true
	done
	cat sshd.log ssh.err >&2
	return 1
}

teardown_file() {
	kill "$SSHD"
}

# there COMMAND: runs it on the other host, with our binaries in PATH.
there() {
	ssh -F "$SSH_CONFIG" there "PATH=$PATH; cd $PWD; $1"
}

@test "split behind hexz-chunk" {
	pack "$IN/twice" want.hxz
	there 'hexz-chunk "'"$IN"'/twice"' | hexz-dedup | hexz-compress | hexz-seal -o a.hxz
	cmp a.hxz want.hxz
}

@test "split behind hexz-dedup" {
	pack "$IN/twice" want.hxz
	hexz-chunk "$IN/twice" | hexz-dedup | there 'hexz-compress | hexz-seal' >a.hxz
	cmp a.hxz want.hxz
}

@test "split behind hexz-compress" {
	pack "$IN/sparse" want.hxz
	there "hexz-chunk $IN/sparse | hexz-dedup | hexz-compress" | hexz-seal -o a.hxz
	cmp a.hxz want.hxz
	hexz-chunk "$IN/sparse" | hexz-dedup | hexz-compress | there 'hexz-seal -o b.hxz'
	cmp b.hxz want.hxz
}

@test "split at all three joints" {
	pack "$IN/tree.tar" want.hxz
	hexz-chunk "$IN/tree.tar" | there hexz-dedup | hexz-compress | there hexz-seal >a.hxz
	cmp a.hxz want.hxz
}

@test "restored over there, and from there" {
	pack "$IN/sparse" a.hxz
	there 'cat a.hxz' | hexz-cat -o here
	cmp here "$IN/sparse"
	there 'hexz-cat -o other' <a.hxz
	cmp other "$IN/sparse"
	there 'cat a.hxz' | hexz-cat --offset 2500K --length 512 | cmp - <(dd if="$IN/sparse" bs=512 skip=5000 count=1 status=none)
}

@test "a failure over there is a failure here" {
	run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; hexz-chunk --exec -- false" | hexz-dedup | hexz-seal -o a.hxz'
	[[ $stderr == *"upstream hexz-chunk failed"* ]]
	# The connection ends, or the binary is missing.
	for command in 'head -c 500000 /dev/zero | hexz-chunk | head -c 100' 'kill -9 $PPID' no-such-binary; do
		run -4 --separate-stderr bash -c 'ssh -F "$SSH_CONFIG" there "PATH=$PATH; $1" 2>/dev/null | hexz-dedup | hexz-seal -o a.hxz' - "$command"
		[[ $stderr == *"hexz-seal: "* ]]
	done
	only
}
