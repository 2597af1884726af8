//go:build !linux

package cli

import "math"

// machineMemory returns the size of the machine's memory in bytes, which is not known on this
// system.
func machineMemory() uint64 { return math.MaxUint64 }
