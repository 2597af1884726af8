package stage

import (
	"bytes"
	"io"
	"testing"
)

// chained runs filters at once, with pipes between them.
func chained(t *testing.T, p []byte, filters ...filter) []byte {
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

// All stages in one process, each with one thread and with eight: the bytes are the same. Run it by
// -race, and by -cpu 1,8.
func TestChained(t *testing.T) {
	in := content(700000)
	var first []byte
	for _, threads := range []int{1, 8} {
		compress := encoding(CompressOptions{Threads: threads, Block: 60000})
		sealed := chained(t, in, cutting(ChunkOptions{Threads: threads}), dropping(), compress, sealing())
		if first == nil {
			first = sealed
		}
		if !bytes.Equal(sealed, first) {
			t.Errorf("%d threads make another archive", threads)
		}
		got := chained(t, sealed, unsealing(), decompressing(threads), dropping(), compress, restoring(CatOptions{Threads: threads}))
		if !bytes.Equal(got, in) {
			t.Errorf("%d threads: other bytes come back", threads)
		}
	}
}
