package cli

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGrowPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	before, err := unix.FcntlInt(r.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	growPipe(w)
	after, err := unix.FcntlInt(r.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil || after < before {
		t.Errorf("a pipe of %d bytes has %d: %v", before, after, err)
	}
	if before < 1<<20 && after == before {
		t.Logf("the system keeps pipes at %d bytes", before)
	}
	growPipe(os.Stdin) // nothing happens, whatever kind of file it is
}
