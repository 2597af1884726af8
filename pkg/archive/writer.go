package archive

import (
	"fmt"
	"io"
	"math"

	"hexz/pkg/blake"
	"hexz/pkg/dedup"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// Writer makes an archive from the frames of a stream, in one pass. It gives references their
// ordinals, and writes the index when the stream has ended. Without an End frame there is no index
// and no trailer, so the output does not pass for an archive.
//
// A Writer keeps the index in memory. References take up to 76 bytes for each distinct data chunk
// (package dedup), and the pages of the index 30 to 50 bytes for each entry. With MaxMemory it uses
// files as well. The archive is the same.
//
// Errors are sticky. Not safe for concurrent use.
type Writer struct {
	out     frameSink
	frames  *stream.Writer
	to      seal.Wrapper
	sign    []seal.SecretKey
	ciphers *index.Ciphers // nil if the archive is not encrypted
	sealer  *frameSealer   // likewise
	err     error
	ended   bool

	chunks  *dedup.Table // of targets
	ordinal int64        // data chunks so far

	index *index.Builder
	areas [2]pageStore // its pages
}

// target is the chunk that a reference points to: its ordinal, its length, and whether it is
// patched. A patched chunk cannot be a base.
type target uint64

const patchedTarget = 1 << 31

func makeTarget(ordinal int64, e *stream.Entry) target {
	t := target(ordinal<<32 | e.Len)
	if e.Kind == stream.Patched {
		t |= patchedTarget
	}
	return t
}

func (t target) ordinal() int64 { return int64(t >> 32) }
func (t target) length() int64  { return int64(t & (patchedTarget - 1)) }
func (t target) patched() bool  { return t&patchedTarget != 0 }

// WriterOptions are the options of a Writer. The zero value works.
type WriterOptions struct {
	Recipients seal.Wrapper     // of the archive, which is encrypted if there are any
	Sign       []seal.SecretKey // keys that sign the archive id

	// MaxMemory bounds the memory for the index, in bytes, at least 1 MiB; 0 is no limit. The rest
	// goes to files that Temp makes: about 40 bytes for each distinct chunk, and 30 to 50 for each
	// entry.
	MaxMemory int64
	Temp      func() (TempFile, error)
}

// NewWriter returns a Writer on w. The caller must close the Writer.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	a := &Writer{to: o.Recipients, sign: index.Distinct(o.Sign), chunks: dedup.NewTable(eighths(o.MaxMemory, 6), o.Temp)}
	for i := range a.areas {
		a.areas[i] = pageStore{limit: eighths(o.MaxMemory, 1), temp: o.Temp}
	}
	a.index = index.NewBuilder(nil, a.page)
	a.out.dst = w
	a.frames = stream.NewWriter(&a.out)
	return a
}

// eighths returns a part of a limit. 0 is no limit.
func eighths(limit, n int64) int64 {
	if limit == 0 {
		return 0
	}
	return max(limit/8*n, 1)
}

// page keeps a page of the index.
func (a *Writer) page(area int, p []byte) error { return a.areas[area].add(p) }

// Close frees the files of a. It does not close the underlying writer.
func (a *Writer) Close() {
	a.chunks.Close()
	for i := range a.areas {
		a.areas[i].close()
	}
}

// frameSink counts and hashes the bytes that are written, frame by frame.
type frameSink struct {
	dst    io.Writer
	pos    int64
	hasher blake.Hasher
}

func (s *frameSink) Write(p []byte) (int, error) {
	n, err := s.dst.Write(p)
	s.pos += int64(n)
	s.hasher.Write(p[:n])
	return n, err
}

// Write adds a frame. It sets the ordinals of the references of a *Segment, and keeps nothing
// of f.
func (a *Writer) Write(f stream.Frame) error {
	if a.err != nil {
		return a.err
	}
	if a.err = a.write(f); a.err != nil {
		a.err = fmt.Errorf("frame at byte %d of the archive: %w", a.out.pos, a.err)
	}
	return a.err
}

func (a *Writer) write(f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Header:
		if a.to == nil {
			sealed := *f
			sealed.Meta = withSealed(f.Meta)
			return a.frame(&sealed)
		}
		if err := a.encrypt(); err != nil {
			return err
		}
	case *stream.Segment:
		if err := a.number(f); err != nil {
			return err
		}
	}
	return a.frame(f)
}

// encrypt writes the clear header of an encrypted archive. All frames after it are sealed.
func (a *Writer) encrypt() error {
	key := seal.NewFileKey()
	wrapped, err := a.to.WrapKey(key)
	if err != nil {
		return err
	}
	features := []string{stream.FeatureEncrypted}
	w := wire.NewWriter()
	stream.Append(w, &stream.Header{Features: features, Meta: stream.Meta{index.SealedKey: true, index.WrappedKey: wrapped}})
	at, err := a.put(w.Written())
	if err != nil {
		return err
	}
	a.ciphers = index.NewCiphers(key, at.Digest)
	a.index = index.NewBuilder(a.ciphers, a.page)
	a.index.Root.Features = features
	a.index.AddOther(at)
	a.sealer = &frameSealer{out: &a.out, ciphers: a.ciphers, head: wire.NewWriter()}
	a.frames = stream.NewWriter(a.sealer)
	return nil
}

// withSealed returns a copy of m that says that an index follows.
func withSealed(m stream.Meta) stream.Meta {
	sealed := stream.Meta{index.SealedKey: true}
	for k, v := range m {
		sealed[k] = v
	}
	return sealed
}

// number counts the chunks of s and resolves its references.
func (a *Writer) number(s *stream.Segment) error {
	for i := range s.Entries {
		e := &s.Entries[i]
		switch e.Kind {
		case stream.Patched:
			if err := a.numberBases(e.Patch.Bases); err != nil {
				return err
			}
			fallthrough
		case stream.Data:
			if a.ordinal == math.MaxUint32 {
				return fmt.Errorf("more than %d chunks", uint32(math.MaxUint32))
			}
			if err := a.chunks.Add(e.Hash, uint64(makeTarget(a.ordinal, e))); err != nil {
				return err
			}
			a.ordinal++
		case stream.Ref:
			t, err := a.target(e.Hash)
			if err != nil {
				return err
			}
			if t.length() != e.Len {
				return index.Corruptf("reference of %d bytes to the chunk %v of %d bytes", e.Len, e.Hash, t.length())
			}
			e.Ordinal = t.ordinal()
		}
	}
	return nil
}

// numberBases resolves the own bases of a patch.
func (a *Writer) numberBases(bases []stream.Base) error {
	for i := range bases {
		b := &bases[i]
		if b.Parent != stream.OwnBase {
			continue
		}
		t, err := a.target(b.Hash)
		if err != nil {
			return err
		}
		if t.patched() {
			return index.Corruptf("patch based on the chunk %v, which is patched itself", b.Hash)
		}
		b.Ordinal = t.ordinal()
	}
	return nil
}

// target finds the chunk that a reference or a base names.
func (a *Writer) target(hash index.Hash) (target, error) {
	v, ok, err := a.chunks.Lookup(hash)
	if err == nil && !ok {
		err = index.Corruptf("reference to the chunk %v, which did not come before it", hash)
	}
	return target(v), err
}

// frame writes f and records it in the index.
func (a *Writer) frame(f stream.Frame) error {
	at := index.Extent{Pos: a.out.pos}
	a.out.hasher.Reset()
	if err := a.frames.Write(f); err != nil {
		return err
	}
	if a.sealer != nil {
		if err := a.sealer.flush(); err != nil {
			return err
		}
	}
	at.Len = a.out.pos - at.Pos
	at.Digest = a.out.hasher.Sum()
	_, a.ended = f.(*stream.End)
	return a.index.Add(f, at)
}

// Size returns the number of bytes written.
func (a *Writer) Size() int64 { return a.out.pos }

// Info returns the description of the content. It is complete after Finish.
func (a *Writer) Info() *index.Info { return &a.index.Root.Info }
