package cli

import (
	"math"

	"golang.org/x/sys/unix"
)

// SharedMemory returns n bytes, or half of what the machine and the limit of the address space
// (ulimit -v) let this process have, if that is less. A Go program cannot go on without memory that
// it has asked for.
func SharedMemory(n int64) int64 {
	have := machineMemory()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil {
		have = min(have, uint64(limit.Cur))
	}
	return int64(min(uint64(max(n, 0)), min(have, math.MaxInt64)/2))
}
