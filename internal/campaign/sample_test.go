package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"hexz/internal/contenttest"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/keys"
	"hexz/pkg/parents"
	"hexz/pkg/seal"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
)

const (
	contentSize = 384 << 10
	chunkSize   = 2 << 10  // on average; small, so that there are many
	segmentSize = 16 << 10 // likewise
)

// stream is a named content.
type stream struct {
	name string
	data []byte
}

// sample is a sound archive, with everything that is known about it.
type sample struct {
	kind    string
	archive []byte   // the file to damage
	streams []stream // the streams to restore

	// counts is the number of its bytes that count: those up to the first trailer after the
	// demanded signature. The rest is signatures that nobody demands.
	counts int

	own    []stream          // the streams in the archive: streams, unless it has a child
	pieces []piece           // of own
	body   int64             // the end of the last stream: End and the index follow
	names  map[string]string // of own, by the names that salvage makes up

	child    []byte // a thin archive whose parent is the damaged archive; or nil
	parent   []byte // a sound parent; or nil
	patches  bool   // the archive has patches
	ids      seal.Opener
	signedBy []seal.PublicKey
}

// maker makes samples of one seed.
type maker struct {
	t    *testing.T
	seed uint64
	dir  string
}

// options say how a sample is made.
type options struct {
	digests  []string
	compress stage.CompressOptions
	parents  []parents.Parent
	patches  *similar.Options // nil for none
	seal     stage.SealOptions
}

// samples makes an archive of each kind.
func samples(t *testing.T, seed uint64) []*sample {
	m := &maker{t, seed, t.TempDir()}
	var all []*sample
	for _, codec := range []string{"zstd", "lz4", "s2", "none"} {
		all = append(all, m.plain(codec, options{compress: stage.CompressOptions{Codec: codec}}))
	}
	all = append(all, m.dictionary(), m.plain("digests", options{digests: []string{"sha256", "blake3"}}), m.several(), m.empty())
	all = append(all, m.versions()...)
	return append(all, m.sealed()...)
}

func (m *maker) plain(kind string, o options) *sample {
	return m.make(kind, o, stream{"disk", contenttest.Bytes(contentSize, m.seed)})
}

// dictionary makes an archive of many short records of a few words, which gain from a dictionary.
func (m *maker) dictionary() *sample {
	rng := rand.New(rand.NewPCG(m.seed, 2))
	var records []byte
	for len(records) < contentSize {
		word := rand.New(rand.NewPCG(rng.Uint64N(500), m.seed))
		records = fmt.Appendf(records, "%x %x %x %d\n", word.Uint64(), word.Uint64(), word.Uint64(), rng.IntN(1000))
	}
	s := m.make("dictionary", options{compress: stage.CompressOptions{Block: 4096, TrainDict: 16 << 10}}, stream{"disk", records})
	if r, err := m.open(s.archive); err != nil || r.Dicts() != 1 {
		m.t.Fatalf("the archive has no dictionary, %v", err)
	}
	return s
}

// several makes an archive of many streams, one of them empty.
func (m *maker) several() *sample {
	var list []stream
	for i := range 12 {
		list = append(list, stream{string(rune('a' + i)), contenttest.Bytes(i*contentSize/66, m.seed+uint64(i))})
	}
	return m.make("12 streams", options{}, list...)
}

func (m *maker) empty() *sample { return m.make("empty", options{}, stream{"disk", nil}) }

// versions makes a thin archive to damage, and one whose parent is damaged. It makes the same with
// patches, and an archive with patches of its own chunks.
func (m *maker) versions() []*sample {
	rng := rand.New(rand.NewPCG(m.seed, 1))
	old := contenttest.Bytes(contentSize, m.seed)
	parts := bytes.Clone(old)
	for range 8 {
		part := parts[rng.IntN(len(parts)-20000):]
		copy(part, contenttest.Bytes(rng.IntN(20000), rng.Uint64()))
	}
	list := m.version("thin", "a thin one", parts, nil)
	list = append(list, m.version("patches", "patches", m.edited(old), &similar.Options{})...)
	half := old[:contentSize/2]
	own := m.make("patches of its own", options{patches: &similar.Options{Self: true}}, stream{"old", half}, stream{"new", m.edited(half)})
	if r, err := m.open(own.archive); err != nil || r.Info().Totals.Patch.N == 0 {
		m.t.Fatalf("the archive has no patches, %v", err)
	}
	own.patches = true
	return append(list, own)
}

// edited returns a copy of p with a few changed bytes in every KiB.
func (m *maker) edited(p []byte) []byte {
	rng := rand.New(rand.NewPCG(m.seed, 3))
	p = bytes.Clone(p)
	for at := 0; at < len(p); at += 1 + rng.IntN(2<<10) {
		p[at] ^= 1 + byte(rng.IntN(255))
	}
	return p
}

// version makes an archive of next, the version after plain's content, and the parent of that
// archive.
func (m *maker) version(kind, of string, next []byte, patches *similar.Options) []*sample {
	parent := m.plain("parent of "+of, options{})
	path := filepath.Join(m.dir, "parent.hxz")
	if err := os.WriteFile(path, parent.archive, 0o666); err != nil {
		m.t.Fatal(err)
	}
	base, err := parents.Open(nil, path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer base.Close()
	if patches != nil {
		patches.Find = find(parent.archive)
	}
	thin := m.make(kind, options{parents: []parents.Parent{base}, patches: patches}, stream{"disk", next})
	r, err := m.open(thin.archive)
	if err != nil || r.Info().Totals.Parent.N == 0 || (patches != nil) != (r.Info().Totals.Patch.N > 0) {
		m.t.Fatalf("%s: it does not take from its parent what it should, %v", kind, err)
	}
	thin.patches = patches != nil
	thin.parent = parent.archive
	parent.child, parent.streams = thin.archive, thin.streams
	return []*sample{thin, parent}
}

// sealed makes a signed archive with a second signature after it, an encrypted one, and one that is
// both.
func (m *maker) sealed() []*sample {
	pub, key, err := seal.GenerateKey()
	_, other, err2 := seal.GenerateKey()
	id, err3 := age.GenerateX25519Identity()
	if err := errors.Join(err, err2, err3); err != nil {
		m.t.Fatal(err)
	}
	to := keys.Wrapper(id.Recipient())
	signed := m.plain("signed", options{seal: stage.SealOptions{Sign: []seal.SecretKey{key}}})
	signed.archive = m.sign(signed.archive, other) // counts stays where it was
	encrypted := m.plain("encrypted", options{seal: stage.SealOptions{Recipients: to}})
	both := m.plain("encrypted, signed", options{seal: stage.SealOptions{Recipients: to, Sign: []seal.SecretKey{key}}})
	signed.signedBy, both.signedBy = []seal.PublicKey{pub}, []seal.PublicKey{pub}
	encrypted.ids, both.ids = keys.Opener(id), keys.Opener(id)
	return []*sample{signed, encrypted, both}
}

// sign appends a signature.
func (m *maker) sign(p []byte, key seal.SecretKey) []byte {
	path := filepath.Join(m.dir, "signed.hxz")
	if err := os.WriteFile(path, p, 0o666); err != nil {
		m.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	if _, err := stage.Sign(m.t.Context(), f, int64(len(p)), stage.SignOptions{Keys: []seal.SecretKey{key}}); err != nil {
		m.t.Fatal(err)
	}
	if p, err = os.ReadFile(path); err != nil {
		m.t.Fatal(err)
	}
	return p
}

func (m *maker) open(p []byte) (*archive.Reader, error) {
	return archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{})
}

// make packs streams.
func (m *maker) make(kind string, o options, list ...stream) *sample {
	var sources []stage.Source
	for _, s := range list {
		sources = append(sources, stage.ReaderSource(s.name, bytes.NewReader(s.data)))
	}
	ctx := m.t.Context()
	if o.compress.Block == 0 {
		o.compress.Block = segmentSize
	}
	pass := func(do func(dst io.Writer, src io.Reader) (*flow.Stats, error), p []byte) []byte {
		var buf bytes.Buffer
		if _, err := do(&buf, bytes.NewReader(p)); err != nil {
			m.t.Fatalf("%s: %v", kind, err)
		}
		return buf.Bytes()
	}
	p := pass(func(dst io.Writer, _ io.Reader) (*flow.Stats, error) {
		return stage.Chunk(ctx, dst, sources, stage.ChunkOptions{Digests: o.digests, Chunker: chunker.Options{Avg: chunkSize}})
	}, nil)
	p = pass(func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
		return stage.Dedup(ctx, dst, src, stage.DedupOptions{Parents: o.parents})
	}, p)
	if o.patches != nil {
		p = pass(func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
			return similar.Delta(ctx, dst, src, *o.patches)
		}, p)
	}
	p = pass(func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
		return stage.Compress(ctx, dst, src, o.compress)
	}, p)
	p = pass(func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
		return stage.Seal(ctx, dst, src, o.seal)
	}, p)
	return &sample{kind: kind, archive: p, streams: list, own: list, counts: len(p)}
}
