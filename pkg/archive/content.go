package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"hexz/pkg/blake"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// verifyAgreement checks that the index says of the body what the body says of itself. A
// writer that lies could make both right in themselves.
func (r *Reader) verifyAgreement() error {
	var want []Hash // of the segments
	w := wire.NewWriter()
	err := r.EntryPages(func(at Place, entries []stream.Entry) error {
		want = append(want, summary(w, at, entries))
		return nil
	})
	if err != nil {
		return err
	}
	end := int64(0)
	if n := len(r.root.runs); n > 0 {
		end = r.root.runs[n-1].end()
	}
	in := newBodyReader(io.NewSectionReader(r.src, 0, end), nil, false)
	in.ciphers = r.ciphers
	got := root{firsts: r.root.firsts}
	segments := 0
	for {
		f, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return corrupt(err)
		}
		if h, ok := f.(*stream.Header); ok && in.opened == nil {
			if err := checkSealed(h, true); err != nil {
				return err
			}
		}
		if skipped(f) {
			continue
		}
		pos, n := in.at.pos, in.at.len
		switch f := f.(type) {
		case *stream.Dict:
			at := in.at
			if i := len(got.dicts); i < len(r.root.dicts) {
				at.digest = r.root.dicts[i].digest // which was checked when the archive was opened
			}
			got.dicts = append(got.dicts, dictRef{f.ID, at})
		case *stream.Segment:
			at := Place{len(got.info.Streams) - 1, f.Offset, got.info.Totals.Chunks(), pos, n}
			if segments >= len(want) || summary(w, at, f.Entries) != want[segments] {
				return corruptf("segment at byte %d is not what the index says of it", pos)
			}
			segments++
		}
		got.info.Add(f)
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
	}
	a, b := wire.NewWriter(), wire.NewWriter()
	appendInfo(a, &got)
	appendInfo(b, r.root)
	if segments != len(want) || !bytes.Equal(a.Written(), b.Written()) {
		return corruptf("what the index says of streams and totals is not what the body says")
	}
	return nil
}

// contentOf restores a stream to out, which takes everything, but goes on behind a damaged
// segment. It tells whether there was none.
func (v *verifier) contentOf(no int, out Output, base int64) (whole bool, err error) {
	type verdict struct {
		*restored
		fault error
	}
	whole = true
	size := v.r.root.info.Streams[no].Size
	if size == 0 {
		return true, nil
	}
	err = ordered.Map(v.ctx, v.o.Threads, func(emit func(piece) error) error {
		return v.r.eachPiece(no, 0, size, emit)
	}, func(p piece) (verdict, error) {
		d, err := v.r.restorePiece(p, 0, size)
		return verdict{d, err}, nil
	}, func(d verdict) error {
		fault, end := d.fault, int64(0)
		if fault == nil {
			end = d.piece.to
			to := out
			if !whole {
				to = &digester{} // what is left is only looked at
			}
			fault = d.write(to)
		}
		if fault == nil {
			v.o.Progress(base + end)
			return nil
		}
		whole = false
		if v.found(fault); !v.goOn() {
			return fault
		}
		return nil
	})
	return whole && err == nil, err
}

// summary returns a digest of all that the index says of a segment.
func summary(w *wire.Writer, at Place, entries []stream.Entry) Hash {
	w.Reset()
	for _, n := range []int64{int64(at.Stream), at.Offset, at.Chunk, at.Pos, at.Len} {
		w.Int(n)
	}
	stream.AppendEntries(w, entries, false)
	return blake.Sum(w.Written())
}

// content restores every stream to nowhere.
func (v *verifier) content() {
	base := int64(0)
	for no := range v.r.root.info.Streams {
		s := &v.r.root.info.Streams[no]
		out := &digester{hashes: map[string]hash.Hash{}}
		for name := range s.Digests {
			if h := NewDigest(name); h != nil {
				out.hashes[name] = h
			}
		}
		whole, err := v.contentOf(no, out, base)
		for name, h := range out.hashes {
			if whole && string(h.Sum(nil)) != string(s.Digests[name]) {
				err = corruptf("%s of the content is %x, the archive says %x", name, h.Sum(nil), s.Digests[name])
			}
		}
		if err != nil {
			v.found(fmt.Errorf("stream %q: %w", s.Name, err))
		}
		if !v.goOn() {
			return
		}
		base += s.Size
	}
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
