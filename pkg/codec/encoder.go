package codec

import (
	"fmt"
	"runtime"
	"sync"
)

// Options choose a codec. The zero value is zstd at its default level.
//
// Levels run from 1 (fastest) to 22 (smallest) for every codec, so that a
// level survives a change of codec; 0 is the codec's default. Neighbouring
// levels often mean the same:
//
//	codec  level   means                          memory of a thread
//	zstd   1..2    klauspost "fastest"            3 MiB (11; with a dictionary 3, 12)
//	       3..5    "default" (0 is 3)             4 MiB (14; 5, 16)
//	       6..9    "better"                       7 MiB (19; 11, 27)
//	       10..22  "best"                         37 MiB (80; 72, 150)
//	lz4    1       fast (0 is 1)                  136 KiB
//	       2..9    HC, search depth 2^(8+level)   768 KiB
//	       10..22  as 9
//	s2     1       fast (0 is 1)                  on the stack
//	       2..3    better                         576 KiB
//	       4..22   best                           4.5 MiB
//	none   any     no encoding
//
// Of the figures for zstd, the larger one holds from the first payload of more
// than 2 MiB on.
type Options struct {
	Name    string // codec; "" is zstd
	Level   int    // 0..22, see the table
	Dict    []byte // dictionary in the zstd format, or nil; zstd only; not kept
	Threads int    // payloads that zstd encodes at once; 0 is GOMAXPROCS
}

// An Encoder encodes payloads with one codec at one level. Its methods may be
// called concurrently. With zstd, calls beyond Options.Threads wait for their
// turn, which bounds the memory; the other codecs use the memory of as many
// threads as call.
type Encoder struct {
	name  string
	level int
	zstd  *zstdEncoder
	lz4   sync.Pool // of *lz4.Compressor at level 1, else of *lz4.CompressorHC
}

// NewEncoder returns an encoder. An unknown codec, a level or number of
// threads out of range, and a dictionary that is malformed, larger than
// [MaxDictSize] or not for zstd are errors.
func NewEncoder(o Options) (*Encoder, error) {
	if o.Level < 0 || o.Level > 22 {
		return nil, fmt.Errorf("codec: level %d is not within 1..22", o.Level)
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("codec: %d threads", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Name == "" {
		o.Name = Zstd
	}
	if o.Dict != nil && o.Name != Zstd {
		return nil, fmt.Errorf("codec: %s takes no dictionary", o.Name)
	}
	e := &Encoder{name: o.Name, level: o.Level}
	switch o.Name {
	case None:
	case Zstd:
		z, err := newZstdEncoder(o.Level, o.Threads, o.Dict)
		if err != nil {
			return nil, err
		}
		e.zstd = z
	case LZ4:
		e.level = lz4Level(o.Level)
		e.lz4.New = func() any { return newLZ4Compressor(e.level) }
	case S2:
		e.level = max(o.Level, 1)
	default:
		return nil, fmt.Errorf("codec: unknown codec %q: it is one of none, zstd, lz4, s2", o.Name)
	}
	return e, nil
}

// Encode encodes src and returns the name of the codec and the encoding. It
// uses the memory of dst, from its start and up to its capacity, and new
// memory where that is too small (see [Bound]); dst and src must not overlap.
//
// If the encoding is not smaller than src, the result is None and src itself:
// not a copy, and not dst, so that the caller should hold on to its buffer.
// The same goes for src longer than MaxSize.
func (e *Encoder) Encode(dst, src []byte) (name string, out []byte) {
	if len(src) == 0 || len(src) > MaxSize {
		return None, src
	}
	switch e.name {
	case Zstd:
		out = e.zstd.encode(dst, src)
	case LZ4:
		out = e.encodeLZ4(dst, src)
	case S2:
		out = encodeS2(dst, src, e.level)
	}
	if len(out) == 0 || len(out) >= len(src) {
		return None, src
	}
	return e.name, out
}
