package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	dmerLen    = 8        // bytes that are counted as a unit
	coverLen   = 512      // bytes that are taken at a time
	coverPass  = 4        // visits of the samples that should fill a dictionary
	coverPiece = 16 << 10 // bytes that stay together
	coverBits  = 20       // log2 of the counters for 4 MiB of samples or less
	coverLarge = 23       // and at most
	fibonacci  = 0x9e3779b97f4a7c15
)

// A cover selects the parts of samples which cover most of what samples have
// in common: Liao, Petri, Moffat, Wirth, "Effective Construction of Relative
// Lempel-Ziv Dictionaries" (WWW 2016), in the simplified form of zstd's
// FastCOVER, which counts by hash. In difference to that, an 8-byte string
// counts once for each sample that has it, as what repeats within a payload is
// compressed well without a dictionary.
type cover struct {
	shift uint     // of a hash, to index score
	score []uint32 // by hash of 8 bytes: samples that have them, less one
	inRun []uint16 // by hash: how often the run at hand has them
}

func (c *cover) hash(b []byte) uint32 {
	return uint32(binary.LittleEndian.Uint64(b) * fibonacci >> c.shift)
}

func newCover(samples [][]byte) *cover {
	total := 0
	for _, s := range samples {
		total += len(s)
	}
	logSize := min(max(bits.Len(uint(total/4)), coverBits), coverLarge)
	c := &cover{shift: uint(64 - logSize), score: make([]uint32, 1<<logSize), inRun: make([]uint16, 1<<logSize)}
	last := make([]uint32, 1<<logSize) // last sample counted, from 1
	for i, s := range samples {
		for j := 0; j+dmerLen <= len(s); j++ {
			h := c.hash(s[j:])
			if last[h] == uint32(i+1) {
				continue
			}
			if last[h] != 0 {
				c.score[h]++
			}
			last[h] = uint32(i + 1)
		}
	}
	return c
}

// build returns at most size bytes, the most useful ones last, where they are
// nearest to the data. The score is used up.
func (c *cover) build(samples [][]byte, size int) []byte {
	out := make([]byte, size)
	free := size
	// Pieces, because few long samples would make few groups, each of which
	// is scanned for each part taken from it.
	var pieces [][]byte
	for _, s := range samples {
		pieces = slices.AppendSeq(pieces, slices.Chunk(s, coverPiece))
	}
	groups := min(len(pieces), max(size/coverLen/coverPass, 1))
	for idle := 0; free >= dmerLen && idle < groups; {
		for g := 0; g < groups && free >= dmerLen && idle < groups; g++ {
			part := c.take(pieces[g*len(pieces)/groups : (g+1)*len(pieces)/groups])
			if len(part) == 0 {
				idle++
				continue
			}
			idle = 0
			part = part[:min(len(part), free)]
			free -= copy(out[free-len(part):], part)
		}
	}
	return out[free:]
}

// take returns the run of coverLen bytes whose distinct 8-byte strings have
// the greatest total score, without ends that score nothing, and sets the
// score of its strings to 0. It returns nil if nothing has a score.
func (c *cover) take(pieces [][]byte) []byte {
	var best []byte
	var bestScore uint64
	for _, s := range pieces {
		var score uint64
		begin := 0 // of the run that ends with string i
		for i := 0; i+dmerLen <= len(s); i++ {
			if i+dmerLen-begin > coverLen {
				score -= c.leave(s[begin:])
				begin++
			}
			h := c.hash(s[i:])
			if c.inRun[h] == 0 {
				score += uint64(c.score[h])
			}
			c.inRun[h]++
			if score > bestScore {
				bestScore = score
				best = s[begin : i+dmerLen]
			}
		}
		for ; begin+dmerLen <= len(s); begin++ {
			c.leave(s[begin:])
		}
	}
	return c.consume(best)
}

// leave takes the string at the start of b out of the run and returns what it
// had added to the score.
func (c *cover) leave(b []byte) uint64 {
	h := c.hash(b)
	if c.inRun[h]--; c.inRun[h] == 0 {
		return uint64(c.score[h])
	}
	return 0
}

// consume sets the score of all strings in run to 0 and returns it without
// the ends that scored nothing.
func (c *cover) consume(run []byte) []byte {
	first, end := -1, 0
	for i := 0; i+dmerLen <= len(run); i++ {
		if c.score[c.hash(run[i:])] != 0 {
			if first < 0 {
				first = i
			}
			end = i + dmerLen
		}
	}
	if first < 0 {
		return nil
	}
	run = run[first:end]
	for i := 0; i+dmerLen <= len(run); i++ {
		c.score[c.hash(run[i:])] = 0
	}
	return run
}
