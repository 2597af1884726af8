package vectors

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"

	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
)

// TestMakeArchives makes all files and their table anew when HEXZ_NEW_GOLDEN is set. It makes the
// same bytes each time: a change in git is one of the writers. README.md is written by hand.
func TestMakeArchives(t *testing.T) {
	if os.Getenv("HEXZ_NEW_GOLDEN") == "" {
		t.Skip("makes files")
	}
	cryptotest.SetGlobalRandom(t, 11)
	m := &maker{t: t, made: map[string][]byte{}, inputs: map[string][]*input{}}
	m.plain()
	m.versions()
	m.sealed()
	m.ends()
	m.damaged()
	m.lies()
	var table bytes.Buffer
	out := json.NewEncoder(&table)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(m.rows); err != nil {
		t.Fatal(err)
	}
	m.write(tableFile, table.Bytes())
}

// maker writes files and notes what is known of them.
type maker struct {
	t      *testing.T
	rows   []row
	made   map[string][]byte   // by the names of the files
	inputs map[string][]*input // likewise
}

// must ends the test on an error.
func (m *maker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *maker) write(name string, p []byte) {
	m.t.Helper()
	m.must(os.WriteFile(filepath.Join(dir, name), p, 0o644))
}

// options say how an archive is made. The zero value of most fields is the default of the stage.
type options struct {
	chunker  chunker.Options
	digests  []string
	parents  []string // to dedup against: names in dir, or paths
	delta    *similar.Options
	compress stage.CompressOptions
	seal     stage.SealOptions
}

// pack makes an archive of inputs.
func (m *maker) pack(o options, inputs ...*input) []byte {
	m.t.Helper()
	var sources []stage.Source
	for _, in := range inputs {
		sources = append(sources, in.source())
	}
	if o.chunker.Name == "" && o.chunker.Avg == 0 {
		o.chunker = chunker.Options{Min: 256, Avg: 1024, Max: 4096}
	}
	ctx := m.t.Context()
	find := &parents.Finder{Dirs: []string{dir}}
	defer find.Close()
	dedup := stage.DedupOptions{Find: find.Index}
	for _, name := range o.parents {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		p, err := parents.Open(nil, name, nil)
		m.must(err)
		defer p.Close()
		dedup.Parents = append(dedup.Parents, p)
	}
	stages := []func(dst io.Writer, src io.Reader) (*flow.Stats, error){
		func(dst io.Writer, _ io.Reader) (*flow.Stats, error) {
			return stage.Chunk(ctx, dst, sources, stage.ChunkOptions{Chunker: o.chunker, Digests: o.digests})
		},
		func(dst io.Writer, src io.Reader) (*flow.Stats, error) { return stage.Dedup(ctx, dst, src, dedup) },
		func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
			if o.delta == nil {
				_, err := io.Copy(dst, src)
				return nil, err
			}
			o.delta.Find = find.Find
			return similar.Delta(ctx, dst, src, *o.delta)
		},
		func(dst io.Writer, src io.Reader) (*flow.Stats, error) {
			return stage.Compress(ctx, dst, src, o.compress)
		},
		func(dst io.Writer, src io.Reader) (*flow.Stats, error) { return stage.Seal(ctx, dst, src, o.seal) },
	}
	var p []byte
	for _, run := range stages {
		var out bytes.Buffer
		_, err := run(&out, bytes.NewReader(p))
		m.must(err)
		p = out.Bytes()
	}
	return p
}

// add writes a file and its row: r with the id and the contents.
func (m *maker) add(r row, p []byte, inputs ...*input) {
	m.t.Helper()
	m.write(r.File, p)
	m.made[r.File], m.inputs[r.File] = p, inputs
	r.Verify = verdicts[r.Verdict].verify
	r.Pipe = verdicts[r.Verdict].pipe
	r.Python = python(&r)
	if id, err := index.TrailerID(bytes.NewReader(p), int64(len(p))); err == nil {
		r.ID = id.String()
	}
	r.Streams = []content{}
	for _, in := range inputs {
		r.Streams = append(r.Streams, content{in.name, in.Size(), sum(in.bytes())})
	}
	m.rows = append(m.rows, r)
}

// ok adds an archive that is sound.
func (m *maker) ok(name, about string, o options, inputs ...*input) []byte {
	m.t.Helper()
	p := m.pack(o, inputs...)
	m.add(row{File: name, About: about, Verdict: "ok"}, p, inputs...)
	return p
}

// python returns the exit code of examples/read.py if it is not that of hexz-verify, as it leaves
// something out: encryption, parents by their content, and a code for codecs.
func python(r *row) *int {
	switch {
	case r.Verdict == "codec", r.File == "by-content.hxz":
		return new(1)
	case r.Verdict == "ok" && (r.Identity != "" || r.Passphrase != ""):
		return new(3)
	}
	return nil
}
