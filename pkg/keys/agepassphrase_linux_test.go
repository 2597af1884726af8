package keys

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"hexz/internal/keytest"
	"hexz/pkg/seal"

	"filippo.io/age"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// echoes reports whether a terminal shows its input.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestAgePassphrase makes age ask for the passphrase, for which age needs a terminal.
func TestAgePassphrase(t *testing.T) {
	_, path := keytest.Tool(t, "age")
	k := seal.NewFileKey()
	keytest.WriteFile(t, path("wrapped"), keytest.Must(Wrap(k, []age.Recipient{scryptWith("correct horse", 12)})))
	cmd := exec.CommandContext(t.Context(), "age", "-d", "-o", path("key"), path("wrapped"))
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skip("no terminal: ", err)
	}
	defer terminal.Close()
	// Input before age has turned echo off would be lost.
	for echoes(t, terminal) {
		time.Sleep(time.Millisecond)
	}
	if _, err := terminal.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, terminal)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := keytest.ReadText(t, path("key")); got != string(k[:]) {
		t.Errorf("age got %x", got)
	}
}
