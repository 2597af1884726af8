package stage_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"hexz/internal/stagetest"
	"hexz/internal/vectortest"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// Every vector of package stream goes through every stage.
func TestVectors(t *testing.T) {
	filters := map[string]stagetest.Filter{
		"dedup": stagetest.Dropping(), "compress": stagetest.Encoding(stage.CompressOptions{Threads: 2}), "decompress": stagetest.Decompressing(2),
		"seal": stagetest.Sealing(), "unseal": stagetest.Unsealing(), "cat": stagetest.Restoring(restore.Options{Threads: 2, Length: new(int64(1000))}),
		"inspect": func(_ io.Writer, src io.Reader) error {
			_, err := inspect.Stream(src, inspect.Options{})
			return err
		},
	}
	for _, v := range vectortest.Load(t, "../stream/testdata/vectors") {
		for name, f := range filters {
			var out bytes.Buffer
			err := f(&out, bytes.NewReader(v.Input))
			got := "ok"
			switch {
			case errors.Is(err, restore.ErrChoose) && (v.Name == "no-streams" || v.Name == "parent-unused"):
			case errors.Is(err, archive.ErrParent) && name == "cat":
			case errors.Is(err, stream.ErrCorrupt):
				got = "corrupt"
			case errors.Is(err, stream.ErrTruncated):
				got = "truncated"
			case errors.Is(err, stream.ErrAborted):
				got = "aborted"
			case err != nil:
				got = err.Error()
			}
			if got != v.Expect {
				t.Errorf("%s through %s: %s (%v), want %s", v.Name, name, got, err, v.Expect)
			}
			if v.Expect != "ok" && name == "seal" && index.HasTrailer(bytes.NewReader(out.Bytes()), int64(out.Len())) {
				t.Errorf("%s: got a trailer", v.Name)
			}
		}
	}
}
