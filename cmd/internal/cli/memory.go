package cli

import (
	"math"

	"golang.org/x/sys/unix"
)

// SharedMemory returns the smaller of n and half of the memory that this process can have, in
// bytes. The machine and the limit of the address space (ulimit -v) bound that memory. A Go program
// cannot go on without memory that it has asked for.
func SharedMemory(n int64) int64 {
	have := machineMemory()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil {
		have = min(have, uint64(limit.Cur))
	}
	return int64(min(uint64(max(n, 0)), min(have, math.MaxInt64)/2))
}
