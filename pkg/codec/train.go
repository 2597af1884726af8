package codec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// MinDictGain is the gain below which a dictionary is not worth its trouble.
const MinDictGain = 0.03

const (
	minDictSize   = 1 << 10
	minTrainSize  = 64      // bytes; shorter samples are left out
	minTrainCount = 8       // samples
	trialEvery    = 4       // every 4th sample is held out for the trial
	minDictID     = 1 << 15 // RFC 8878, section 5: lower ones are for a registry
	maxDictID     = 1<<31 - 1
)

// TrainDict builds a zstd dictionary of at most size bytes (1 KiB to
// MaxDictSize) for payloads like samples at a level of [Options]. Samples that
// hardly compress are left out. A quarter of the others is held out from
// training for a trial: gain is 1 - with/without, from the encoded lengths of
// these samples with and without the dictionary. The dictionary's own length
// is not counted.
//
// A gain under MinDictGain, samples which are too few (under 8), or which have
// nothing in common give a nil dictionary and no error. Errors are those of
// wrong arguments.
//
// The same samples in the same order, size and level give the same dictionary,
// whose id comes from its content. Training takes some seconds for 16 MiB of
// samples, and memory of two and a half times their size, within 10 to 80 MiB.
func TrainDict(samples [][]byte, size, level int) (dict []byte, gain float64, err error) {
	if size < minDictSize || size > MaxDictSize {
		return nil, 0, fmt.Errorf("codec: dictionary size %d is not within %d..%d", size, minDictSize, MaxDictSize)
	}
	plain, err := NewEncoder(Options{Level: level, Threads: 1})
	if err != nil {
		return nil, 0, err
	}
	train, trial := splitSamples(samples)
	if len(train)+len(trial) < minTrainCount {
		return nil, 0, nil
	}
	dict = buildDict(train, size, level)
	if dict == nil {
		return nil, 0, nil
	}
	with, err := NewEncoder(Options{Level: level, Threads: 1, Dict: dict})
	if err != nil {
		return nil, 0, err
	}
	gain = 1 - float64(encodedLen(with, trial))/float64(encodedLen(plain, trial))
	if gain < MinDictGain {
		return nil, gain, nil
	}
	return dict, gain, nil
}

// splitSamples leaves out what does not compress and shares out the rest.
func splitSamples(samples [][]byte) (train, trial [][]byte) {
	n := 0
	for _, s := range samples {
		if len(s) < minTrainSize || len(s) > MaxSize {
			continue
		}
		if est := s2.EstimateBlockSize(s); est < 0 || est > len(s)/20*19 {
			continue
		}
		if n++; n%trialEvery == 0 {
			trial = append(trial, s)
		} else {
			train = append(train, s)
		}
	}
	return train, trial
}

// buildDict returns nil if samples give no dictionary.
func buildDict(samples [][]byte, size, level int) []byte {
	// The entropy tables stand before the content and take a few hundred
	// bytes, never more than this.
	const tables = 900
	content := newCover(samples).build(samples, size-tables)
	// The tables' recent offsets are 1, 4, 8 and must lie in the content.
	if len(content) < 8 {
		return nil
	}
	// The tables serve the first block of a payload, so the first block's
	// length of each sample is what they are made from. BuildDict does not
	// take longer ones.
	heads := make([][]byte, len(samples))
	for i, s := range samples {
		heads[i] = s[:min(len(s), zstdBlockSize)]
	}
	if level == 0 {
		level = 3
	}
	dict, err := zstd.BuildDict(zstd.BuildDictOptions{
		ID:         minDictID, // replaced below
		Contents:   heads,
		History:    content,
		Offsets:    [3]int{1, 4, 8},
		CompatV155: true, // decoders before 1.5.5 want literal tables of 256 symbols
		Level:      zstd.EncoderLevelFromZstd(level),
	})
	if err != nil || len(dict) > size {
		return nil // samples without matches or literals give no tables
	}
	sum := sha256.Sum256(dict)
	id := minDictID + binary.LittleEndian.Uint64(sum[:])%(maxDictID-minDictID+1)
	binary.LittleEndian.PutUint32(dict[4:], uint32(id))
	return dict
}

func encodedLen(e *Encoder, samples [][]byte) (n int) {
	var buf []byte
	for _, s := range samples {
		buf = grow(buf, Bound(len(s)))
		_, out := e.Encode(buf, s)
		n += len(out)
	}
	return n
}
