package hexz

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/restore"
	"hexz/pkg/seal"
)

// OpenOptions are the options of Open. The zero value works.
type OpenOptions struct {
	Identities []age.Identity   // to open an encrypted archive
	SignedBy   []seal.PublicKey // who must have signed the archive
	Find       archive.FindFunc // finds the parents of a thin archive
	CacheBytes int64            // of decoded segments that are kept; 0 is 20 MiB
}

// Archive is an archive that is open for reading. All methods but Close are safe for concurrent use.
type Archive struct {
	r     *archive.Reader
	close []func()
}

// Open opens the archive of size bytes on src, which has to stay open.
func Open(src io.ReaderAt, size int64, o OpenOptions) (*Archive, error) {
	r, err := archive.NewReader(src, size, archive.Options{Identities: keys.Opener(o.Identities...), Find: o.Find, CacheBytes: o.CacheBytes})
	if err == nil {
		err = r.Locked()
	}
	if err == nil {
		err = r.Demand(o.SignedBy)
	}
	if err != nil {
		return nil, err
	}
	return &Archive{r: r}, nil
}

// OpenFile opens the archive at path. It looks for the parents of a thin archive in the same
// directory, unless o.Find is set. Close the archive after use.
func OpenFile(path string, o OpenOptions) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	find := &parents.Finder{Beside: filepath.Dir(path), Identities: keys.Opener(o.Identities...)}
	if o.Find == nil {
		o.Find = find.Find
	}
	info, err := f.Stat()
	var a *Archive
	if err == nil {
		a, err = Open(f, info.Size(), o)
	}
	if err != nil {
		find.Close()
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.close = []func(){find.Close, func() { f.Close() }}
	return a, nil
}

// Close closes what OpenFile has opened.
func (a *Archive) Close() error {
	for _, f := range a.close {
		f()
	}
	a.close = nil
	return nil
}

// ID returns the id of the archive.
func (a *Archive) ID() ID { return a.r.ID() }

// Reader returns the archive as package archive has it, for all that is not here.
func (a *Archive) Reader() *archive.Reader { return a.r }

// Names returns the names of the streams in their order.
func (a *Archive) Names() []string {
	streams := a.r.Info().Streams
	names := make([]string, len(streams))
	for i := range streams {
		names[i] = streams[i].Name
	}
	return names
}

// Stream returns the stream of a name; "" is the only one. Without such a stream the error is a
// restore.ErrChoose.
func (a *Archive) Stream(name string) (*Stream, error) {
	no, err := restore.Choose(a.r.Info().Streams, name)
	if err != nil {
		return nil, err
	}
	return &Stream{a.r, no}, nil
}

// Level says how deep Verify looks.
type Level = archive.Level

// The levels of Verify. Each includes the ones before it.
const (
	Structure = archive.Structure // the index agrees with itself
	Stored    = archive.Stored    // every stored byte is that of the id
	Content   = archive.Content   // every chunk and stream has its hash
)

// Verify checks the archive, and returns nil or the first fault. Parents are not checked, but for
// what Content reads of them.
func (a *Archive) Verify(ctx context.Context, level Level) error {
	return a.r.Verify(ctx, archive.VerifyOptions{Level: level, Threads: runtime.GOMAXPROCS(0)})
}

// Stream is a stream of an archive. It is safe for concurrent use.
type Stream struct {
	r  *archive.Reader
	no int
}

var _ io.ReaderAt = (*Stream)(nil)

// Name returns the name of the stream.
func (s *Stream) Name() string { return s.r.Info().Streams[s.no].Name }

// Size returns the number of bytes.
func (s *Stream) Size() int64 { return s.r.Info().Streams[s.no].Size }

// ReadAt fills p with the bytes from offset off, as [io.ReaderAt] describes. They were verified. An
// error about damage is a stream.ErrCorrupt, and concerns only the range that was asked for.
func (s *Stream) ReadAt(p []byte, off int64) (int, error) { return s.r.ReadAt(s.no, p, off) }

// Section returns a reader of the whole stream, which can seek.
func (s *Stream) Section() *io.SectionReader { return io.NewSectionReader(s, 0, s.Size()) }

// Restore writes the whole stream to w. It decodes on all CPUs, so it is faster than to copy Section.
// [restore.NewFileOutput] and [archive.Reader.Restore] keep holes.
func (s *Stream) Restore(ctx context.Context, w io.Writer) error {
	out := restore.NewPlainOutput(w)
	if err := s.r.Restore(ctx, s.no, out, archive.RestoreOptions{Threads: runtime.GOMAXPROCS(0)}); err != nil {
		return err
	}
	return out.Flush()
}
