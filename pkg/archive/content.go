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
)

// verifyAgreement checks that the index is that of the body. A writer that lies could make an index
// and a body that are each right in themselves.
func (r *Reader) verifyAgreement() error {
	in := newBodyReader(io.NewSectionReader(r.Src, 0, r.Root.Rest.End()), nil, true)
	in.ciphers = r.Ciphers
	same := sameIndex{r: r.Index}
	b := index.NewBuilder(r.Ciphers, same.page)
	b.Root.Features = r.Root.Features
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
			b.AddOther(in.at)
			continue
		}
		if err := b.Add(f, in.at); err != nil {
			return err
		}
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
	}
	if err := b.Finish(r.Root.Rest.End()); err != nil {
		return err
	}
	return same.root(&b.Root)
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
