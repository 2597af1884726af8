package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/restore"
	"hexz/pkg/seal"
	pkgstream "hexz/pkg/stream"
)

// verdict is the outcome for a damaged archive.
type verdict int

const (
	unchanged verdict = iota // by chance, the fault did nothing
	found                    // hexz-verify reports the fault
	tolerated                // all bytes that count are there; a signing may leave the rest
)

// sound returns an error unless the archive verifies and all its streams can be restored.
func (s *sample) sound(ctx context.Context) error {
	if err := s.verify(ctx, s.archive, archive.Content); err != nil {
		return err
	}
	for _, want := range s.streams {
		for _, cat := range []catFunc{s.cat, s.catStream} {
			if err := s.hold(ctx, cat, s.archive, want, 0, nil, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// check reads a damaged archive in every way. An error means a broken promise.
func (s *sample) check(ctx context.Context, rng *rand.Rand, damaged []byte) (verdict, error) {
	fault := s.verify(ctx, damaged, archive.Content)
	if !expected(fault) {
		return found, fmt.Errorf("verify: %w", fault)
	}
	whole := bytes.HasPrefix(damaged, s.archive[:s.counts])
	if fault == nil && !whole {
		return found, errors.New("verify says that it is sound")
	}
	// A reader without a key finds the same, by the stored bytes alone.
	if s.ids != nil {
		locked := *s
		locked.ids = nil
		if err := locked.verify(ctx, damaged, archive.Stored); (err == nil) != (fault == nil) || !expected(err) {
			return found, fmt.Errorf("verify without a key: %v; with it: %v", err, fault)
		}
	}
	readable := fault == nil
	if s.child != nil {
		err := s.verify(ctx, s.child, archive.Content, damaged)
		if readable = err == nil; !expected(err) {
			return found, fmt.Errorf("verify the thin one: %w", err)
		}
	}
	for _, want := range s.streams {
		for name, cat := range map[string]catFunc{"cat": s.cat, "cat from a pipe": s.catStream} {
			if err := s.hold(ctx, cat, damaged, want, 0, nil, readable); err != nil {
				return found, fmt.Errorf("%s of %q: %w", name, want.name, err)
			}
		}
		length := rng.Int64N(100_000)
		if err := s.hold(ctx, s.cat, damaged, want, rng.Int64N(int64(len(want.data))+1), &length, readable); err != nil {
			return found, fmt.Errorf("a part of %q: %w", want.name, err)
		}
	}
	if fault == nil {
		return tolerated, nil
	}
	return found, nil
}

// expected reports whether damage may lead to err, with the exit code 3 or 4. With exit code 1 an
// archive is no longer the parent that was meant, or its header names other recipients.
func expected(err error) bool {
	var others *seal.NoMatchError
	return err == nil || errors.Is(err, pkgstream.ErrCorrupt) || errors.Is(err, pkgstream.ErrTruncated) ||
		errors.Is(err, archive.ErrParent) || errors.As(err, &others)
}

// find returns a FindFunc that finds these archives, by the ids at their ends.
func find(archives ...[]byte) archive.FindFunc {
	return func(want *pkgstream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) {
			for _, p := range archives {
				c := archive.Copy{ReaderAt: bytes.NewReader(p), Size: int64(len(p))}
				if id, err := index.TrailerID(c, c.Size); err == nil && id == want.ID && !yield(c, nil) {
					return
				}
			}
			yield(archive.Copy{}, archive.ErrParent)
		}
	}
}

// open opens an archive for random access, and demands its signatures.
func (s *sample) open(p []byte, parents [][]byte) (*archive.Reader, error) {
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Identities: s.ids, Find: find(parents...)})
	if err == nil {
		err = r.Demand(s.signedBy)
	}
	return r, err
}

func (s *sample) verify(ctx context.Context, p []byte, level archive.Level, parents ...[]byte) error {
	r, err := s.open(p, append(parents, s.parent))
	if err != nil {
		return err
	}
	return r.Verify(ctx, archive.VerifyOptions{Level: level})
}

// catFunc restores a stream from a damaged archive.
type catFunc func(ctx context.Context, out archive.Output, damaged []byte, o restore.Options) error

// main returns the archive to restore, and its parents if a parent is the damaged archive.
func (s *sample) main(damaged []byte) (p []byte, parents [][]byte) {
	if s.child != nil {
		return s.child, [][]byte{damaged}
	}
	return damaged, [][]byte{s.parent}
}

func (s *sample) cat(ctx context.Context, out archive.Output, damaged []byte, o restore.Options) error {
	p, parents := s.main(damaged)
	r, err := s.open(p, parents)
	if err != nil {
		return err
	}
	return restore.Archive(ctx, out, r, o)
}

func (s *sample) catStream(ctx context.Context, out archive.Output, damaged []byte, o restore.Options) error {
	p, parents := s.main(damaged)
	o.Identities, o.SignedBy, o.Find = s.ids, s.signedBy, find(parents...)
	err := restore.Stream(ctx, out, bytes.NewReader(p), o)
	if err == nil && s.child == nil && !bytes.HasPrefix(damaged, s.archive[:s.counts]) {
		return errUnnoticed
	}
	return err
}

var errUnnoticed = errors.New("from a pipe, where all stored bytes are checked, nothing was noticed")

// hold restores a range of a stream, and compares the output. No byte may ever be wrong. All bytes
// must be there if the archive is readable, or if cat reports success.
func (s *sample) hold(ctx context.Context, cat catFunc, damaged []byte, want stream, from int64, length *int64, readable bool) error {
	expect := want.data[from:]
	if length != nil {
		expect = expect[:min(*length, int64(len(expect)))]
	}
	var got bytes.Buffer
	out := restore.NewPlainOutput(&got)
	err := cat(ctx, out, damaged, restore.Options{Stream: want.name, Offset: from, Length: length})
	if flushed := out.Flush(); flushed != nil {
		return flushed
	}
	switch {
	case !bytes.HasPrefix(expect, got.Bytes()):
		return errWrong
	case err == nil && got.Len() < len(expect):
		return fmt.Errorf("%w: %d bytes of %d", errWrong, got.Len(), len(expect))
	case err != nil && readable, !expected(err) && !errors.Is(err, restore.ErrChoose):
		return err
	}
	return nil
}

// errWrong: a user would have taken wrong bytes for right ones.
var errWrong = errors.New("wrong bytes came out")
