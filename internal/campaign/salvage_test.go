package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/index"
	"hexz/pkg/restore"
	"hexz/pkg/salvage"
	"hexz/pkg/stage"
	pkgstream "hexz/pkg/stream"
)

// span is a part of a file or of a content.
type span struct{ from, to int64 }

// piece is a part of the content, with the frames needed to restore it.
type piece struct {
	stream string
	span
	frames []span
}

// note records where the parts of the content stand in the undamaged archive.
func (s *sample) note() error {
	in := archive.NewScanner(bytes.NewReader(s.archive), s.ids)
	s.names = map[string]string{}
	var common []span                 // needed by all segments
	chunks := map[index.Hash][]span{} // needed by each chunk
	name := ""
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		pos, n := in.Range()
		at := span{pos, pos + n}
		switch f := f.(type) {
		case *pkgstream.Header:
			if s.ids != nil { // without the clear header no key opens it
				common = append(common, span{0, pos})
			}
		case *pkgstream.Parent:
			common = append(common, at) // it has the stream's number
		case *pkgstream.Dict:
			common = append(common, at)
		case *pkgstream.Open:
			name = f.Name
			s.names[fmt.Sprintf("stream-%d", f.ID)] = name
		case *pkgstream.Segment:
			off := f.Offset
			for _, e := range f.Entries {
				p := piece{name, span{off, off + e.Len}, append(common[:len(common):len(common)], at)}
				switch e.Kind {
				case pkgstream.Ref:
					p.frames = append(p.frames, chunks[e.Hash]...)
				case pkgstream.Patched:
					for _, b := range e.Patch.Bases {
						p.frames = append(p.frames, chunks[b.Hash]...) // none, if in a parent
					}
				}
				if e.Kind.IsStored() && chunks[e.Hash] == nil {
					chunks[e.Hash] = p.frames
				}
				s.pieces = append(s.pieces, p)
				off += e.Len
			}
			f.Release()
		case *pkgstream.Close:
			s.body = pos + n
		}
	}
}

// shift is the greatest distance by which inserted or removed bytes move a frame that was not hit.
const shift = 1024

// untouched returns the parts of the content that no fault has hit: all frames that they need stand
// where they were, or nearly.
func (s *sample) untouched(damaged []byte) (list []piece) {
	known := map[span]bool{}
	for _, p := range s.pieces {
		hit := false
		for _, f := range p.frames {
			there, ok := known[f]
			if !ok {
				near := damaged[min(max(f.from-shift, 0), int64(len(damaged))):min(f.to+shift, int64(len(damaged)))]
				there = bytes.Contains(near, s.archive[f.from:f.to])
				if f.from == 0 {
					there = bytes.HasPrefix(damaged, s.archive[:f.to])
				}
				known[f] = there
			}
			hit = hit || !there
		}
		if !hit {
			list = append(list, p)
		}
	}
	return list
}

// salvaged is the result of an attempt to salvage.
type salvaged struct {
	bytes int64 // bytes that are not lost
	short int64 // bytes that no fault has hit, and that are lost

	indexed bool // no fault has hit the index
}

// salvage salvages a damaged archive. Bytes that are not reported lost must be right, and the new
// archive must be sound.
func (s *sample) salvage(ctx context.Context, damaged []byte) (got salvaged, err error) {
	left := s.untouched(damaged)
	got.indexed = bytes.Contains(damaged, s.archive[s.body:s.counts])
	var made, sealed bytes.Buffer
	_, report, err := salvage.Stream(ctx, &made, bytes.NewReader(damaged), salvage.Options{Identities: s.ids})
	if err != nil {
		if !expected(err) {
			return got, err
		}
		for _, p := range left {
			got.short += p.to - p.from
		}
		return got, nil
	}
	if bytes.HasPrefix(damaged, s.archive[:s.counts]) && !report.Whole() {
		return got, fmt.Errorf("%d ranges of a sound archive are lost", report.LostRanges)
	}
	if _, err := stage.Seal(ctx, &sealed, &made, stage.SealOptions{}); err != nil {
		return got, fmt.Errorf("sealed: %w", err)
	}
	r, err := (&sample{}).open(sealed.Bytes(), [][]byte{s.parent})
	if err != nil {
		return got, fmt.Errorf("sealed: %w", err)
	}
	// If the index is hit as well, nothing vouches for the references of a damaged segment to
	// chunks of a parent, nor for a patch. They do not fit the parent then, and a reader notices
	// that.
	doubted := s.parent != nil && !report.Whole() || s.patches && !got.indexed
	if err := r.Verify(ctx, archive.VerifyOptions{Level: archive.Content}); err != nil && !doubted {
		return got, fmt.Errorf("sealed: %w", err)
	}
	lost := newLosses(report)
	for no, is := range r.Info().Streams {
		name := is.Name
		if was, ok := s.names[name]; ok && s.content(name) == nil {
			name = was // salvage makes a name from the number if the name is lost
		}
		want := s.content(name)
		if want == nil && report.Index != carve.IndexIntact {
			// Then nothing vouches for a name.
			if len(r.Info().Streams) != len(s.own) {
				continue
			}
			want = &s.own[no]
			name = want.name
		}
		n, err := s.compare(ctx, r, no, want, lost.of(is.Name))
		if err != nil && !(doubted && !errors.Is(err, errWrong)) {
			return got, fmt.Errorf("%q: %w", is.Name, err)
		}
		got.bytes += n
		for i := range left {
			if left[i].stream == name && !lost.of(is.Name).meets(left[i].span) {
				left[i].stream = ""
			}
		}
	}
	for _, p := range left {
		if p.stream != "" {
			got.short += p.to - p.from
		}
	}
	return got, nil
}

// content returns the stream of a name, or nil.
func (s *sample) content(name string) *stream {
	for i := range s.own {
		if s.own[i].name == name {
			return &s.own[i]
		}
	}
	return nil
}

// compare restores a salvaged stream, and returns how many bytes of it are not lost.
func (s *sample) compare(ctx context.Context, r *archive.Reader, no int, want *stream, lost losses) (int64, error) {
	var got bytes.Buffer
	out := restore.NewPlainOutput(&got)
	if err := r.Restore(ctx, no, out, archive.RestoreOptions{}); err != nil {
		return 0, err
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	if want == nil {
		return 0, errWrong
	}
	said := make([]bool, got.Len()) // bytes that are said to be lost
	for _, at := range lost {
		for i := min(at.from, int64(len(said))); i < min(at.to, int64(len(said))); i++ {
			said[i] = true
		}
	}
	n := int64(0)
	for i, b := range got.Bytes() {
		if said[i] {
			continue
		}
		if i >= len(want.data) || b != want.data[i] {
			return 0, fmt.Errorf("%w at offset %d, which is not said to be lost", errWrong, i)
		}
		n++
	}
	if got.Len() < len(want.data) && !lost.meets(span{int64(got.Len()), int64(len(want.data))}) {
		return 0, fmt.Errorf("%w: %d bytes of %d, and the end is not said to be lost", errWrong, got.Len(), len(want.data))
	}
	return n, nil
}

// losses are the ranges that a report lists as lost.
type losses []loss

type loss struct {
	stream string
	span
}

func newLosses(r *salvage.Report) (list losses) {
	for _, l := range r.Lost {
		if l.Offset == nil {
			continue // the name of a stream, or its root: no bytes
		}
		at := loss{*l.Stream, span{*l.Offset, 1 << 62}}
		if l.Length != nil {
			at.to = at.from + *l.Length
		}
		list = append(list, at)
	}
	return list
}

func (l losses) of(stream string) (list losses) {
	for _, at := range l {
		if at.stream == stream {
			list = append(list, at)
		}
	}
	return list
}

func (l losses) meets(p span) bool {
	for _, at := range l {
		if at.from < p.to && p.from < at.to {
			return true
		}
	}
	return false
}
