//go:build race

package codec

// raceEnabled says that allocations are those of the race detector too:
// sync.Pool drops what it is given at random.
const raceEnabled = true
