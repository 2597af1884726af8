package stage_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"hexz/internal/hostiletest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/commit"
	"hexz/pkg/diff"
	"hexz/pkg/inspect"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// sink is an archive.Output that counts, and keeps nothing.
type sink struct{ n int64 }

func (s *sink) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	return len(p), nil
}

func (s *sink) Zeros(n int64) error {
	s.n += n
	return nil
}

func (s *sink) Hole(n int64) error { return s.Zeros(n) }

// hostileReaders returns all functions that can read an archive. Each returns the error that it
// finds.
func hostileReaders(t *testing.T) map[string]func(p []byte) error {
	ctx := t.Context()
	sound := stagetest.OpenArchive(t, hostiletest.Sound().Seal())
	open := func(do func(r *archive.Reader) error) func(p []byte) error {
		return func(p []byte) error {
			r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 2})
			if err != nil {
				return err
			}
			return do(r)
		}
	}
	return map[string]func(p []byte) error{
		"scan": func(p []byte) error {
			_, err := stage.Unseal(ctx, io.Discard, bytes.NewReader(p), stage.UnsealOptions{})
			return err
		},
		"cat": func(p []byte) error {
			err := restore.Stream(ctx, &sink{}, bytes.NewReader(p), restore.Options{Stream: "disk", Threads: 2, TempDir: t.TempDir()})
			if errors.Is(err, restore.ErrChoose) {
				return nil
			}
			return err
		},
		"restore": open(func(r *archive.Reader) error {
			for no, s := range r.Info().Streams {
				var out sink
				if err := r.Restore(ctx, no, &out, archive.RestoreOptions{Threads: 2}); err != nil {
					return err
				}
				if out.n != s.Size {
					return fmt.Errorf("stream %q has %d bytes, but %d were restored", s.Name, s.Size, out.n)
				}
			}
			return nil
		}),
		"verify": open(func(r *archive.Reader) error {
			err := r.Verify(ctx, archive.VerifyOptions{Level: archive.Content, Threads: 2})
			found := 0
			all := r.Verify(ctx, archive.VerifyOptions{Level: archive.Content, Threads: 2, Damage: func(error) { found++ }})
			if (err == nil) != (all == nil) || (found > 0) != (all != nil) {
				return fmt.Errorf("Verify says %v, but with Damage %v and %d faults", err, all, found)
			}
			return err
		}),
		"inspect": open(func(r *archive.Reader) error {
			none := inspect.Options{Segment: func(inspect.SegmentLine) error { return nil }, Chunk: func(inspect.ChunkLine) error { return nil }}
			_, err := inspect.Archive(r, none)
			return err
		}),
		"dedup": func(p []byte) error {
			path := filepath.Join(t.TempDir(), "parent.hxz")
			if err := os.WriteFile(path, p, 0o666); err != nil {
				return err
			}
			defer os.Remove(path)
			parent, err := parents.Open(nil, path, nil)
			if err != nil {
				return err
			}
			defer parent.Close()
			in := stagetest.Pipe(t, stagetest.Content(10000), stagetest.Cutting(stage.ChunkOptions{}))
			_, err = stage.Dedup(ctx, io.Discard, bytes.NewReader(in), stage.DedupOptions{Parents: []parents.Parent{parent}})
			return err
		},
		"diff": open(func(r *archive.Reader) error {
			_, err := diff.Archives(ctx, r, sound, diff.Options{Totals: true})
			_, back := diff.Archives(ctx, sound, r, diff.Options{Totals: true})
			return cmp.Or(err, back)
		}),
		// It does not look at what stays. So whoever reads what it makes has to find the lie.
		"commit": open(func(r *archive.Reader) error {
			var out, sealed bytes.Buffer
			if _, err := commit.Apply(ctx, &out, r, "", nil, commit.Options{}); err != nil {
				return err
			}
			if _, err := stage.Seal(ctx, &sealed, &out, stage.SealOptions{}); err != nil {
				return err
			}
			next, err := archive.NewReader(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), archive.Options{Find: serving(r)})
			if err != nil {
				return err
			}
			if next.Verify(ctx, archive.VerifyOptions{Level: archive.Content}) != nil {
				return errLater
			}
			return nil
		}),
	}
}

// errLater says that a lie was passed over, and found by a reader of what came of it.
var errLater = errors.New("found later")

// serving finds r as a parent, and no other.
func serving(r *archive.Reader) archive.FindFunc {
	return func(want *stream.Parent) iter.Seq2[archive.Copy, error] {
		return func(yield func(archive.Copy, error) bool) {
			if want.ID == r.ID() {
				yield(archive.Copy{ReaderAt: r.Src, Size: r.FileSize}, nil)
				return
			}
			yield(archive.Copy{}, &archive.MissingError{Parents: []stream.Parent{*want}})
		}
	}
}

// class names what a reader made of its input.
func class(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, stream.ErrCorrupt):
		return "corrupt"
	case errors.Is(err, stream.ErrTruncated):
		return "truncated"
	case errors.Is(err, stream.ErrAborted):
		return "aborted"
	case errors.Is(err, archive.ErrParent):
		return "parent"
	case errors.As(err, new(*codec.UnknownError)):
		return "codec"
	case errors.Is(err, context.DeadlineExceeded):
		return "too slow"
	}
	return "failed"
}

// Every lie goes through every reader. A reader finds the lie if it looks at that part.
func TestHostileArchives(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	readers := hostileReaders(t)
	for _, c := range hostiletest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			p := c.Make()
			for name, read := range readers {
				err := read(bytes.Clone(p))
				got := class(err)
				if err == errLater && c.Class("verify") != "ok" {
					got = c.Class("verify")
				}
				// These look at what differs, or at what has changed. So they need not find a lie.
				if (name == "diff" || name == "commit") && (got == "ok" || got == c.Class("verify")) {
					continue
				}
				if got != c.Class(name) {
					t.Errorf("%s: %s (%v), want %s", name, got, err, c.Class(name))
				}
			}
		})
	}
}

// readerAt counts the bytes that are read.
type readerAt struct {
	io.ReaderAt
	n atomic.Int64
}

func (r *readerAt) ReadAt(p []byte, off int64) (int, error) {
	r.n.Add(int64(len(p)))
	return r.ReaderAt.ReadAt(p, off)
}

// A long segment that stands for exabytes is restored in pieces, but not read again for each of
// many.
func TestPiecesOfALongSegment(t *testing.T) {
	x := []byte("x")
	b := hostiletest.New()
	b.Open(1, "disk")
	b.Add("none", x, hostiletest.Data(x))
	var entries []stream.Entry
	for range 500 {
		entries = append(entries, hostiletest.Zeros(stream.Hole, 1<<50))
		entries = append(entries, slices.Repeat([]stream.Entry{hostiletest.Ref(x, 0)}, 100)...)
	}
	b.Add("none", nil, entries...)
	b.Close()
	b.End()
	p := b.Seal()
	src := &readerAt{ReaderAt: bytes.NewReader(p)}
	r, err := archive.NewReader(src, int64(len(p)), archive.Options{CacheBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out sink
	if err := r.Restore(t.Context(), 0, &out, archive.RestoreOptions{Threads: 2}); err != nil || out.n != r.Info().Streams[0].Size {
		t.Errorf("%d bytes, %v", out.n, err)
	}
	if n := src.n.Load(); n > 60<<20 {
		t.Errorf("%d bytes were read of %d", n, len(p))
	}
}
