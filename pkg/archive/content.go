package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// verifyAgreement checks that the index agrees with the body. A writer that lies could make an
// index and a body that are each right in themselves.
func (r *Reader) verifyAgreement() error {
	var want []index.Hash // of the segments
	w := wire.NewWriter()
	for s, err := range r.Segments() {
		if err != nil {
			return err
		}
		want = append(want, summary(w, s))
	}
	end := int64(0)
	if n := len(r.Root.Runs); n > 0 {
		end = r.Root.Runs[n-1].End()
	}
	in := newBodyReader(io.NewSectionReader(r.Src, 0, end), nil, false)
	in.ciphers = r.Ciphers
	got := index.Root{Firsts: r.Root.Firsts}
	segments := 0
	for {
		f, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return index.Corrupt(err)
		}
		if h, ok := f.(*stream.Header); ok && in.opened == nil {
			if err := index.CheckSealed(h, true); err != nil {
				return err
			}
		}
		if skipped(f) {
			continue
		}
		pos, n := in.at.Pos, in.at.Len
		switch f := f.(type) {
		case *stream.Dict:
			at := in.at
			if i := len(got.Dicts); i < len(r.Root.Dicts) {
				at.Digest = r.Root.Dicts[i].Digest // checked when the archive was opened
			}
			got.Dicts = append(got.Dicts, index.DictRef{Id: f.ID, Extent: at})
		case *stream.Segment:
			at := index.Place{Stream: len(got.Info.Streams) - 1, Offset: f.Offset, Chunk: got.Info.Totals.Chunks(), Pos: pos, Len: n}
			if segments >= len(want) || summary(w, index.Segment{Place: at, Entries: f.Entries}) != want[segments] {
				return index.Corruptf("segment at byte %d is not what the index says of it", pos)
			}
			segments++
		}
		got.Info.Add(f)
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
	}
	a, b := wire.NewWriter(), wire.NewWriter()
	index.AppendInfo(a, &got)
	index.AppendInfo(b, r.Root)
	if segments != len(want) || !bytes.Equal(a.Written(), b.Written()) {
		return index.Corruptf("what the index says of streams and totals is not what the body says")
	}
	return nil
}

// checkStream restores a stream to out, which accepts everything. After a damaged segment it goes
// on with the next one. whole reports whether no segment was damaged.
func (v *verifier) checkStream(ctx context.Context, no int, out Output, base int64) (whole bool, err error) {
	size := v.r.Root.Info.Streams[no].Size
	if size == 0 {
		return true, nil
	}
	whole = true
	for d, err := range ordered.Map(ctx, v.o.Threads, v.r.pieces(no, 0, size), func(p piece) (attempt, error) {
		d, err := restorePiece(p)
		return attempt{d, err}, nil
	}) {
		if err != nil {
			return false, err
		}
		fault := d.fault
		if fault == nil {
			fault = d.write(out)
		}
		base += d.piece.size()
		if fault == nil {
			v.o.Progress(base)
			continue
		}
		whole, out = false, &digester{} // the rest is only checked
		if v.report(ctx, fault); !v.goesOn(ctx) {
			return false, fault
		}
	}
	return whole, nil
}

// attempt is a piece that was restored, or the fault that it has.
type attempt struct {
	*restored
	fault error
}

// summary returns a digest of everything that the index says about a segment.
func summary(w *wire.Writer, s index.Segment) index.Hash {
	w.Reset()
	for _, n := range []int64{int64(s.Stream), s.Offset, s.Chunk, s.Pos, s.Len} {
		w.Int(n)
	}
	stream.AppendEntries(w, s.Entries, false)
	return blake.Sum(w.Written())
}

// checkContent restores every stream, and keeps only digests.
func (v *verifier) checkContent(ctx context.Context) {
	base := int64(0)
	for no := range v.r.Root.Info.Streams {
		s := &v.r.Root.Info.Streams[no]
		out := &digester{hashes: map[string]hash.Hash{}}
		for name := range s.Digests {
			if h := NewDigest(name); h != nil {
				out.hashes[name] = h
			}
		}
		whole, err := v.checkStream(ctx, no, out, base)
		if err == nil && whole {
			err = out.compareDigests(s.Digests)
		}
		if err != nil {
			v.report(ctx, fmt.Errorf("stream %q: %w", s.Name, err))
		}
		if !v.goesOn(ctx) {
			return
		}
		base += s.Size
	}
}

// compareDigests compares the digests with those that the archive has.
func (d *digester) compareDigests(want map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(d.hashes)) {
		if got := d.hashes[name].Sum(nil); !bytes.Equal(got, want[name]) {
			return index.Corruptf("%s of the content is %x, the archive says %x", name, got, want[name])
		}
	}
	return nil
}

// NewDigest returns the hash for a whole-stream digest: sha256 or blake3; nil for others.
func NewDigest(name string) hash.Hash {
	switch name {
	case "sha256":
		return sha256.New()
	case "blake3":
		return blake.NewHash()
	}
	return nil
}

// checkNodes compares all nodes with what parents have in their places.
func (v *verifier) checkNodes(ctx context.Context) {
	if v.r.Root.Info.Totals.Node.N == 0 {
		return
	}
	for s, err := range v.r.Segments() {
		if err != nil {
			v.report(ctx, err)
			return
		}
		at := s.Offset
		for i := range s.Entries {
			e := &s.Entries[i]
			if e.Kind == stream.NodeRef {
				err := v.r.parents.node(e, index.AnyLevel, checking, whole, func(from *Reader) error { return from.checkNode(e) })
				if err != nil {
					err = fmt.Errorf("stream %q, node at offset %d: %w", v.r.Root.Info.Streams[s.Stream].Name, at, err)
				}
				if v.report(ctx, err); !v.goesOn(ctx) {
					return
				}
			}
			at += e.Len
		}
	}
}

// digester is an Output that only hashes.
type digester struct{ hashes map[string]hash.Hash }

func (d *digester) Write(p []byte) (int, error) {
	for _, h := range d.hashes {
		h.Write(p)
	}
	return len(p), nil
}

func (d *digester) Zeros(n int64) error {
	if len(d.hashes) == 0 {
		return nil
	}
	return WriteZeros(d, n)
}

func (d *digester) Hole(n int64) error { return d.Zeros(n) }

var zeros [64 << 10]byte

// WriteZeros writes n zero bytes to w.
func WriteZeros(w io.Writer, n int64) error {
	for n > 0 {
		k, err := w.Write(zeros[:min(n, int64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}
