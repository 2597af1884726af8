//go:build unix

package patient

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pipe returns both ends of a pipe. os.File takes them for blocking, but they are not.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestNonBlocking(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde\n"), 100_000) // more than a pipe holds
	r, w := pipe(t)
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Fatalf("an os.File waits here, or knows better: %v", err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := New(w).Write(want)
		w.Close()
		failed <- err
	}()
	got, err := io.ReadAll(New(r))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes: %v", len(got), len(want), err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
