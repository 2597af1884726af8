// Package chunker cuts a byte stream into chunks for deduplication.
//
// Runs of ZeroRun or more zero bytes are taken out first. A Cutter cuts the data between them: at
// multiples of a fixed size, or where the content says so. The cut points are a function of the
// content alone: not of the sizes of reads, nor of the number of threads.
//
// Content-defined cutting is FastCDC (Xia et al., "FastCDC: a Fast and Efficient Content-Defined
// Chunking Approach for Data Deduplication", USENIX ATC 2016; "The Design of Fast Content-Defined
// Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020) with a gear hash (Xia et
// al., "Ddelta", 2014) and normalised chunking of level 2. It differs from the papers in one thing:
// the hash that decides on a cut always covers the 64 bytes before the cut, also those before the
// minimum. Therefore only these bytes decide whether a position can be a cut, and boundaries meet
// again sooner after a change.
package chunker

import (
	"errors"
	"fmt"
)

// Limits and defaults, in bytes.
const (
	ZeroRun = 4 << 10 // the shortest run of zeros that is taken out

	MinSize = 64       // the least minimum, also the window of the gear hash
	MaxSize = 16 << 20 // the greatest chunk

	DefaultMin  = 4 << 10
	DefaultAvg  = 16 << 10
	DefaultMax  = 64 << 10
	DefaultSize = 16 << 10 // of fixed chunks
)

// Names of the algorithms, as they stand in a stream. Another way of cutting gets another name.
const (
	FastCDCv1 = "fastcdc-v1"
	FixedV1   = "fixed-v1"
)

// Options choose how to cut. The zero value means FastCDC with the defaults.
type Options struct {
	Name          string // FastCDCv1 or FixedV1; "" is FastCDCv1
	Size          int    // of fixed chunks; 0 is DefaultSize
	Min, Avg, Max int    // of FastCDC; 0 is the default, or Avg/4 and Avg*4 if only Avg is given

	// Key, of KeySize bytes, makes the cut points of FastCDC a secret. The lengths of the chunks
	// then reveal less about their content. nil means no key.
	Key []byte
}

// Cutter decides where the first chunk of p ends. p holds all bytes up to the next zero run or end,
// or at least Max of them. off is the position of p in its stream. Cut returns a length from 1 to
// len(p).
type Cutter interface {
	Cut(p []byte, off int64) int
	Max() int // the longest chunk
}

// fill replaces zero values by defaults and checks the result.
func (o Options) fill() (Options, error) {
	switch o.Name {
	case FixedV1:
		if o.Size == 0 {
			o.Size = DefaultSize
		}
		if o.Size < MinSize || o.Size > MaxSize {
			return o, fmt.Errorf("chunk size %d is not between %d and %d", o.Size, MinSize, MaxSize)
		}
		if o.Key != nil {
			return o, errors.New("chunks of fixed size take no key")
		}
		return o, nil
	case "":
		o.Name = FastCDCv1
	case FastCDCv1:
	default:
		return o, fmt.Errorf("unknown chunker %q", o.Name)
	}
	if o.Avg == 0 {
		o.Avg = DefaultAvg
	}
	if o.Min == 0 {
		o.Min = max(o.Avg/4, MinSize)
	}
	if o.Max == 0 {
		o.Max = min(o.Avg*4, MaxSize)
	}
	if o.Min < MinSize || o.Min > o.Avg || o.Avg > o.Max || o.Max > MaxSize {
		return o, fmt.Errorf("chunk sizes min %d, avg %d, max %d: %d <= min <= avg <= max <= %d does not hold",
			o.Min, o.Avg, o.Max, MinSize, MaxSize)
	}
	if o.Key != nil && len(o.Key) != KeySize {
		return o, fmt.Errorf("chunk key has %d bytes, not %d", len(o.Key), KeySize)
	}
	return o, nil
}

// New returns the Cutter of o.
func New(o Options) (Cutter, error) {
	o, err := o.fill()
	if err != nil {
		return nil, err
	}
	if o.Name == FixedV1 {
		return fixed(o.Size), nil
	}
	return newFastCDC(o.Min, o.Avg, o.Max, o.Key), nil
}

// Params returns the description of the cut points in a stream: the name of the algorithm and its
// parameters. A key is described by an identifier.
func (o Options) Params() map[string]any {
	o, _ = o.fill()
	if o.Name == FixedV1 {
		return map[string]any{"name": o.Name, "size": o.Size}
	}
	params := map[string]any{"name": o.Name, "min": o.Min, "avg": o.Avg, "max": o.Max}
	if o.Key != nil {
		params["key-id"] = keyID(o.Key)
	}
	return params
}

// fixed cuts at the multiples of a size, counted from the start of the stream.
type fixed int

func (f fixed) Cut(p []byte, off int64) int {
	return min(len(p), int(f)-int(off%int64(f)))
}

func (f fixed) Max() int { return int(f) }
