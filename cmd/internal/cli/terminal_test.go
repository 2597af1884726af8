package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTerminal starts cmd with a terminal in place of those of its standard streams that are nil. It
// returns the text that cmd printed there, with lines ending in \n.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	defer tty.Close()
	var b bytes.Buffer
	_, _ = io.Copy(&b, tty) // ends in an error when the child ends
	_ = cmd.Wait()
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func TestTerminalIsRefused(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	write(t, in, "data")
	cmd := child(t, "copy", in)
	if got := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 2 || strings.Contains(got, "data\n") ||
		!strings.Contains(got, "refusing to write binary data to a terminal\nhint: ") {
		t.Errorf("stdout: %v, %q", cmd.ProcessState, got)
	}
	for _, o := range []string{"-", "/dev/stdout"} {
		cmd = child(t, "copy", in, "-o", o)
		if got := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 0 || !strings.HasPrefix(got, "data") {
			t.Errorf("stdout that is asked for: %v, %q", cmd.ProcessState, got)
		}
	}
	cmd = child(t, "copy", "", "-o", in)
	if got := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(got, "a file name is empty") {
		t.Errorf("no name: %v, %q", cmd.ProcessState, got)
	}
	for _, path := range []string{"-", "/dev/stdin"} {
		cmd = child(t, "copy", path, "-o", in)
		if got := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 2 ||
			!strings.Contains(got, "refusing to read binary data from a terminal\nhint: pipe a stream in") {
			t.Errorf("stdin %q: %v, %q", path, cmd.ProcessState, got)
		}
	}
}

func TestProgress(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	write(t, in, "0123456789ab") // more than the announced total
	for _, c := range []struct {
		args string
		want bool
	}{
		{"", true}, {"--progress=auto", true}, {"--progress=never", false}, {"-q", false}, {"-q --progress=always", true},
	} {
		cmd := child(t, append([]string{"copy", in, "-o", out}, strings.Fields(c.args)...)...)
		got := onTerminal(t, cmd)
		if cmd.ProcessState.ExitCode() != 0 || strings.Contains(got, "100%") != c.want || (got == "") == c.want {
			t.Errorf("%q: %v, %q", c.args, cmd.ProcessState, got)
		}
	}
	// Only the last stage of a pipeline draws.
	cmd := child(t, "copy", in)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	if got := onTerminal(t, cmd); cmd.ProcessState.ExitCode() != 0 || got != "" {
		t.Errorf("into a pipe: %v, %q", cmd.ProcessState, got)
	}
	w.Close()
	// --progress=always also draws into a file, and messages do not mix with the bar.
	if r := runSample(t, "0123456789", "copy", "--progress=always"); r.code != 0 || r.stdout != "0123456789" ||
		!strings.Contains(r.stderr, "100%") || !strings.HasSuffix(r.stderr, "\n") {
		t.Errorf("%+v", r)
	}
	if r := runSample(t, "0123456789", "copy"); r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

// drawn is an output that signals when a certain text was written to it.
type drawn struct {
	all  bytes.Buffer
	text string
	seen chan struct{}
}

func (d *drawn) Write(p []byte) (int, error) {
	n, err := d.all.Write(p)
	if d.text != "" && strings.Contains(d.all.String(), d.text) {
		d.text = ""
		close(d.seen)
	}
	return n, err
}

func TestMessageClearsBar(t *testing.T) {
	b := drawn{text: "5.00 MiB", seen: make(chan struct{})}
	env := newEnv(context.Background(), "hexz-sample", os.Stdin, os.Stdout, &b)
	env.opts.progress = "always"
	report := env.Progress(0) // unknown
	report(5 << 20)
	env.Progress(7)(1) // draws no bar of its own
	<-b.seen
	env.Warnf("odd")
	env.progressDone(false)
	env.progressDone(false)
	before, after, ok := strings.Cut(b.all.String(), "  \rhexz-sample: warning: odd\n")
	if !ok || !strings.Contains(before, "5.00 MiB") || !strings.Contains(after, "5.00 MiB") || strings.Count(after, "\n") != 1 {
		t.Errorf("%q", b.all.String())
	}
}
