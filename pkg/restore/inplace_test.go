package restore_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
)

const block = 4 << 10 // bytes that are compared and written at once

func TestInPlace(t *testing.T) {
	want := bytes.Clone(stagetest.Content(700_000))
	clear(want[200_000:400_000])
	sealed := stagetest.Pipe(t, want, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())
	changed := func(n int) []byte {
		p := bytes.Clone(want)
		rng := rand.New(rand.NewPCG(3, 3))
		for range n {
			p[rng.IntN(len(p))] ^= 0x55
		}
		return p
	}
	for name, c := range map[string]struct {
		old      []byte
		min, max int64
	}{
		"the same":       {want, 0, 0},
		"one byte":       {changed(1), 1, block},
		"twenty bytes":   {changed(20), block, 20 * block},
		"empty":          {nil, 300_000, 700_000},
		"shorter":        {want[:600_001], 50_000, 110_000},
		"longer":         {append(bytes.Clone(want), 1, 2, 3), 0, 0},
		"something else": {bytes.Repeat([]byte("x"), 700_000), 690_000, 700_000},
	} {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, c.old, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := restore.NewInPlaceOutput(f, restore.SparseAuto)
		if err == nil {
			err = restore.Archive(t.Context(), out, stagetest.OpenArchive(t, sealed), restore.Options{})
		}
		if err == nil {
			err = out.Flush()
		}
		f.Close()
		got, _ := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: another content, %v", name, err)
		}
		if n := out.Written(); n < c.min || n > c.max {
			t.Errorf("%s: %d bytes written, not %d to %d", name, n, c.min, c.max)
		}
	}
}
