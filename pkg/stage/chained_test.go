package stage_test

import (
	"bytes"
	"io"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
)

// chained runs filters concurrently, with pipes between them.
func chained(t *testing.T, p []byte, filters ...stagetest.Filter) []byte {
	t.Helper()
	var src io.Reader = bytes.NewReader(p)
	failed := make(chan error, len(filters))
	for _, f := range filters[:len(filters)-1] {
		from, to := src, (*io.PipeWriter)(nil)
		src, to = io.Pipe()
		go func() {
			err := f(to, from)
			to.Close() // the end of the input, whether it has an end frame or not
			failed <- err
		}()
	}
	var out bytes.Buffer
	failed <- filters[len(filters)-1](&out, src)
	for range filters {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// All stages run in one process, each with one thread and with eight. The bytes are the same. Run
// the test with -race, and with -cpu 1,8.
func TestChained(t *testing.T) {
	in := stagetest.Content(700000)
	var first []byte
	for _, threads := range []int{1, 8} {
		compress := stagetest.Encoding(stage.CompressOptions{Threads: threads, Block: 60000})
		sealed := chained(t, in, stagetest.Cutting(stage.ChunkOptions{Threads: threads}), stagetest.Dropping(), compress, stagetest.Sealing())
		if first == nil {
			first = sealed
		}
		if !bytes.Equal(sealed, first) {
			t.Errorf("%d threads make another archive", threads)
		}
		got := chained(t, sealed, stagetest.Unsealing(), stagetest.Decompressing(threads), stagetest.Dropping(), compress, stagetest.Restoring(restore.Options{Threads: threads}))
		if !bytes.Equal(got, in) {
			t.Errorf("%d threads: other bytes come back", threads)
		}
	}
}
