//go:build !linux

package cli

import "math"

// machineMemory returns the bytes of memory that the machine has: here that is not known.
func machineMemory() uint64 { return math.MaxUint64 }
