# What bench/make-corpus and bench/make-deltas share; sourced. Debian's packages as the inputs of
# measurements.
# shellcheck shell=bash

release=bookworm
PATH=$PATH:/usr/sbin:/sbin

updated=
update() { # once
	[ -n "$updated" ] || apt-get -q -o DPkg::Lock::Timeout=300 update >&2
	updated=1
}
need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null && return
	update
	DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$2" >&2
}
