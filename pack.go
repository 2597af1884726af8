package hexz

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/seal"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
)

// ID identifies an archive: the BLAKE3-256 digest of its root, which covers every byte of it.
type ID = blake.Hash

// Input is one named stream to be packed. No two of an archive have the same name.
type Input = stage.Source

// Reader is an input of all bytes that r has.
func Reader(name string, r io.Reader) Input { return stage.ReaderSource(name, r) }

// File is an input of the content of f, a regular file with its holes or a block device, or of all
// that can be read from it. It reads by position, and nothing else may read from f meanwhile.
func File(name string, f *os.File) (Input, error) { return stage.FileSource(name, f) }

// PackOptions are the options of Pack. The zero value works.
type PackOptions struct {
	Chunker chunker.Options // how to cut; content-defined chunks of 16 KiB on average
	Codec   string          // zstd, lz4, s2 or none; "" is zstd
	Level   int             // of the codec, 1 to 22; 0 is its default
	Block   int             // bytes that are compressed together, and read at once; 0 is 256 KiB

	// Parents are paths of archives, or with Delta unset of exported indexes. Chunks that they have
	// are not stored again: the archive is thin, and needs them to be read. The parents of a thin
	// parent are found beside it.
	Parents []string
	// Delta makes patches of chunks that are much like chunks of the parents.
	Delta bool

	Recipients []age.Recipient  // who can open the archive, which is encrypted then
	Sign       []seal.SecretKey // keys to sign the archive with
	Identities []age.Identity   // to open encrypted parents

	MaxMemory int64            // bytes for each index of chunks; 0 is no limit
	Threads   int              // workers of each stage; 0 is one for each CPU
	Progress  func(done int64) // called with the bytes of content done so far; may be nil
	Note      func(string)     // called with a remark worth a line; may be nil
}

// Pack writes an archive of the inputs to dst, and returns its id. If it fails, what was written does
// not pass for an archive. The same inputs and options give the same bytes, unless it is encrypted.
func Pack(ctx context.Context, dst io.Writer, inputs []Input, o PackOptions) (ID, error) {
	threads := o.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	stages := []Stage{Chunk(inputs, stage.ChunkOptions{Chunker: o.Chunker, Threads: threads})}
	ancestors := &parents.Finder{Identities: keys.Opener(o.Identities...), Indexes: true}
	defer ancestors.Close()
	dedup := stage.DedupOptions{MaxMemory: o.MaxMemory, Note: o.Note, Find: ancestors.Index}
	if o.Note != nil {
		dedup.OnOtherCut = func(c stage.OtherCut) { o.Note(c.String()) }
	}
	for _, path := range o.Parents {
		p, err := parents.Open(nil, path, keys.Opener(o.Identities...))
		if err != nil {
			return ID{}, err
		}
		defer p.Close()
		dedup.Parents = append(dedup.Parents, p)
		ancestors.Files, ancestors.Dirs = append(ancestors.Files, path), append(ancestors.Dirs, filepath.Dir(path))
	}
	stages = append(stages, Dedup(dedup))
	if o.Delta {
		find := &parents.Finder{Files: o.Parents, Identities: keys.Opener(o.Identities...)}
		defer find.Close()
		stages = append(stages, Delta(similar.Options{Find: find.Find, Identities: keys.Opener(o.Identities...), Threads: threads, Note: o.Note}))
	}
	var id ID
	stages = append(stages,
		Compress(stage.CompressOptions{Codec: o.Codec, Level: o.Level, Block: o.Block, Threads: threads, Note: o.Note}),
		Seal(stage.SealOptions{Recipients: keys.Wrapper(o.Recipients...), Sign: o.Sign, MaxMemory: o.MaxMemory, Progress: o.Progress, Note: o.Note}, &id))
	return id, Pipeline(ctx, dst, nil, stages...)
}
