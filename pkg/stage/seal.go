package stage

import (
	"context"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/parents"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// SealOptions are the options of Seal. The zero value works.
type SealOptions struct {
	Recipients seal.Wrapper     // who can open the archive; if there are any, it is encrypted
	Sign       []seal.SecretKey // keys to sign the archive with

	MaxMemory int64  // bytes for the index, at least 1 MiB; the rest goes to files; 0 is no limit
	TempDir   string // where these files are; "" is the system's directory
	Progress  flow.Progress
	OnParent  flow.ParentFunc

	// CheckParents is a directory with the parents of a thin stream: archives *.hxz or exported
	// indexes *.hxi. The chunks that the stream takes from its parents are looked up there. A chunk
	// that a parent does not have is an ErrCorrupt. A parent that is not there is an
	// archive.ErrParent. The check takes 36 bytes of memory for each chunk of a parent, which do
	// not count for MaxMemory. "" is no check.
	CheckParents string
	Identities   seal.Opener      // to open encrypted parents
	Open         parents.OpenFunc // opens them; nil is os.Open

	// Note is called with a remark worth a line: that chunk lengths can reveal known content.
	Note func(string)
}

const sealName = "hexz-seal"

// Seal makes an archive of a stream of frames. If it fails, its output has no index and no trailer.
func Seal(ctx context.Context, dst io.Writer, src io.Reader, o SealOptions) (*flow.Stats, error) {
	check := func(stream.Frame) error { return nil }
	if o.CheckParents != "" {
		parents, err := parents.NewCheck(o.CheckParents, o.Identities, o.Open)
		if err != nil {
			return nil, err
		}
		defer parents.Close()
		check = parents.Frame
	}
	w := archive.NewWriter(dst, archive.WriterOptions{
		Recipients: o.Recipients, Sign: o.Sign, MaxMemory: o.MaxMemory,
		Temp: func() (archive.TempFile, error) { return flow.TempFile(o.TempDir, "hexz-seal-*") },
	})
	defer w.Close()
	done, unkeyed := int64(0), false
	for f, err := range flow.Frames(ctx, archive.NewScanner(src, nil), o.OnParent) {
		if err == nil {
			err = check(f)
		}
		if err == nil {
			err = w.Write(f)
		}
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case *stream.Open:
			unkeyed = unkeyed || f.Chunker["name"] != chunker.FixedV1 && !chunker.Keyed(f.Chunker)
		case *stream.Segment:
			done += f.Size()
			o.Progress.Report(done)
			f.Release()
		}
	}
	if unkeyed && o.Recipients != nil && o.Note != nil {
		o.Note("chunk lengths can reveal known content")
	}
	id, err := w.Finish()
	if err != nil {
		return nil, err
	}
	stats := flow.NewStats(sealName, int64(len(w.Info().Streams)), &w.Info().Totals)
	stats.Written = w.Size()
	stats.Archive = id.String()
	return stats, nil
}

// UnsealOptions are the options of Unseal. The zero value works.
type UnsealOptions struct {
	Identities seal.Opener      // to open an encrypted archive
	Flatten    bool             // copy the chunks of parents, so that the stream needs none
	Find       archive.FindFunc // to find them
	CacheBytes int64            // of Flatten, for segments of parents; 0 is 12 MiB
	Threads    int              // of Flatten: encoders; 0 is 1
	Codecs     codec.Decoders   // of Flatten, of codecs that package codec does not have
	SignedBy   []seal.PublicKey // who must have signed the archive
	Progress   flow.Progress
	OnParent   flow.ParentFunc

	// Note, if not nil, is called with a remark worth a line: that identities were given, but the
	// input is not encrypted.
	Note func(string)
}

const UnsealName = "hexz-unseal"

// Unseal recreates the stream of frames from which an archive was sealed. The End frame is written
// only after all stored bytes were verified.
func Unseal(ctx context.Context, dst io.Writer, src io.Reader, o UnsealOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, UnsealName, o.Progress)
	in := archive.NewScanner(src, o.Identities)
	in.Demand(o.SignedBy)
	if o.Flatten {
		if err := checkParentsOf(src, o); err != nil {
			return out.Finish(err)
		}
		return out.Finish(flatten(ctx, out, in, o))
	}
	return out.Finish(unseal(ctx, out, in, o))
}

func unseal(ctx context.Context, out *flow.Writer, in *archive.Scanner, o UnsealOptions) error {
	for f, err := range flow.Frames(ctx, in, o.OnParent) {
		if err != nil {
			return err
		}
		if _, ok := f.(*stream.Header); ok {
			flow.NotePlain(o.Note, in.RecipientKinds())
		}
		err = out.Write(f)
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
