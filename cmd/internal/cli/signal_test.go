package cli

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start starts cmd, with a pipe that never ends as standard input, and waits until cmd is ready.
// The function it returns waits for the end of cmd and returns the rest of stderr.
func start(t *testing.T, cmd *exec.Cmd) (wait func() string) {
	t.Helper()
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.HasSuffix(lines.Text(), "ready") {
		t.Fatalf("not ready: %q", lines.Text())
	}
	return func() string {
		var rest strings.Builder
		for lines.Scan() {
			rest.WriteString(lines.Text() + "\n")
		}
		_ = cmd.Wait()
		return rest.String()
	}
}

func TestSignals(t *testing.T) {
	for _, action := range []string{"block", "wait"} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGXCPU} {
			t.Run(action+" "+sig.String(), func(t *testing.T) {
				if signal.Ignored(sig) {
					t.Skip("ignored by the parent, as by nohup")
				}
				t.Parallel()
				dir := t.TempDir()
				out := filepath.Join(dir, "out")
				write(t, out, "old")
				cmd := child(t, action, "-o", out, "--stats", filepath.Join(dir, "stats"))
				wait := start(t, cmd)
				began := time.Now()
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				if rest := wait(); rest != "" {
					t.Errorf("stderr %q", rest)
				}
				if s := cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != sig {
					t.Errorf("died by %v", cmd.ProcessState)
				}
				if d := time.Since(began); action == "block" && d < grace {
					t.Errorf("took %v", d)
				}
				if got := names(t, dir); got != "out" || read(t, out) != "old" {
					t.Errorf("left %s, %q", got, read(t, out))
				}
			})
		}
	}
}

// The child has an hour to end by itself after the first signal, so only a second signal ends it.
func TestSecondSignal(t *testing.T) {
	cmd := child(t, "block", "-o", filepath.Join(t.TempDir(), "out"), "--progress=always")
	cmd.Env = append(cmd.Env, "HEXZ_CLI_GRACE=1h")
	wait := start(t, cmd)
	ended := make(chan struct{})
	go func() {
		wait()
		close(ended)
	}()
	for alive := true; alive; { // two signals that come at once may merge into one
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
			alive = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGTERM {
		t.Errorf("died by %v", cmd.ProcessState)
	}
}

func TestIgnoredSignal(t *testing.T) {
	cmd := child(t)
	sh := exec.Command("bash", "-c", `trap "" HUP; exec "$S" block`)
	sh.Env = append(cmd.Env, "S="+os.Args[0])
	wait := start(t, sh)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := sh.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	wait()
	if s := sh.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGTERM {
		t.Errorf("died by %v, although SIGHUP is ignored", sh.ProcessState)
	}
}
