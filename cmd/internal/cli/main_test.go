package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"hexz/pkg/stream"
)

// TestMain makes the test binary the command under test when it runs as its own child.
func TestMain(m *testing.M) {
	if os.Getenv("HEXZ_CLI_CHILD") != "" {
		if d, err := time.ParseDuration(os.Getenv("HEXZ_CLI_GRACE")); err == nil {
			grace = d
		}
		Main(sample())
	}
	os.Exit(m.Run())
}

// codeError is an error with an exit code of its own and no text.
type codeError int

func (e codeError) Error() string { return "" }
func (e codeError) ExitCode() int { return int(e) }

// sample is a command whose first argument says what Run does.
func sample() *Command {
	var block int64
	var codec string
	return &Command{
		Name: "hexz-sample", Args: "ACTION [FILE] [-- COMMAND ARG...]",
		Short:   "do as the tests say",
		Long:    "Copies FILE, or standard input.\n\nKinds of <text>:\n- *.hxz files, 'quoted' \\ and so on\n\n.starts with a dot",
		Example: "  hexz-sample copy disk.img | hexz-seal -o disk.hxz",
		MinArgs: 1, MaxArgs: 3,
		Threads: true, Output: true, Progress: true, Stats: true,
		Flags: func(f *pflag.FlagSet) {
			f.VarP(SizeVar(&block, 256<<10), "block", "b", "cut at `SIZE` bytes, which is a flag with a text that is long enough to be wrapped over lines")
			f.Var(ChoiceVar(&codec, "zstd", "zstd", "lz4", "none"), "codec", "compress with `CODEC`: zstd, lz4 or none")
		},
		Run: act,
	}
}

func act(env *Env, args []string) error {
	path := "-"
	if len(args) > 1 {
		path = args[1]
	}
	switch args[0] {
	case "copy":
		return copyAll(env, path)
	case "block": // a read that nothing interrupts
		out, err := env.Output()
		if err != nil {
			return err
		}
		defer out.Cleanup()
		report := env.Progress(-1)
		report(1)
		if _, err := out.Write([]byte("partial")); err != nil {
			return err
		}
		fmt.Fprintln(env.Stderr, "ready")
		_, err = io.Copy(io.Discard, env.Stdin)
		return err
	case "wait":
		out, err := env.Output()
		if err != nil {
			return err
		}
		defer out.Cleanup()
		fmt.Fprintln(env.Stderr, "ready")
		<-env.Ctx.Done()
		if err := out.Commit(); !errors.Is(err, context.Cause(env.Ctx)) {
			fmt.Fprintln(env.Stderr, "commit after a signal:", err)
		}
		return context.Cause(env.Ctx)
	case "fail":
		out, err := env.Output()
		if err != nil {
			return err
		}
		fmt.Fprint(out, "partial")
		return errors.New("it failed\nin two lines\x1b[2J")
	case "forget":
		out, err := env.Output()
		if err == nil {
			fmt.Fprint(out, "all of it")
		}
		return err
	case "panic":
		if _, err := env.Output(); err != nil {
			return err
		}
		panic("at the disco")
	case "corrupt":
		return fmt.Errorf("segment 5: %w", stream.ErrCorrupt)
	case "truncated":
		return fmt.Errorf("frame 5: %w", stream.ErrTruncated)
	case "aborted":
		return fmt.Errorf("frame 5: %w", stream.ErrAborted)
	case "usage":
		return WithHint(Usagef("no good"), "do better")
	case "code":
		return codeError(9)
	case "child":
		return fmt.Errorf("key command: %w", exec.Command("sh", "-c", "exit 3").Run())
	case "warn":
		env.Warnf("disk %q is\nodd", path)
		env.Verbosef("dash %d, threads %d", env.ArgsLenAtDash(), env.Threads)
		return nil
	case "twice":
		if _, err := env.Input("-"); err != nil {
			return err
		}
		_, err := env.Input("/dev/stdin")
		return err
	case "kind":
		out, err := env.Output()
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "regular=%v device=%v\n", out.Regular(), out.Device())
		return out.Commit()
	}
	return fmt.Errorf("unknown action %s", args[0])
}

func copyAll(env *Env, path string) error {
	in, err := env.Input(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	report := env.Progress(10)
	n, err := io.Copy(out, in)
	if err != nil {
		return err
	}
	report(n)
	if err := out.Commit(); err != nil {
		return err
	}
	return env.Stats(map[string]any{"bytes": n, "op": "<copy>"})
}

// result is what a command printed and its exit code.
type result struct {
	code           int
	stdout, stderr string
}

// runSample runs the sample in this process, with files as standard streams.
func runSample(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "stdin")
	write(t, in, stdin)
	f, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var stderr bytes.Buffer
	code, sig := run(sample(), args, f, out, &stderr)
	if sig != nil {
		t.Fatalf("signal %v", sig)
	}
	return result{code, read(t, out.Name()), stderr.String()}
}

// hang is the time after which a child that hangs is killed: far more than any machine needs.
const hang = 5 * time.Minute

// child returns the sample as a process of its own.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	// A child built with -race would sleep for a second at its end.
	cmd.Env = append(os.Environ(), "HEXZ_CLI_CHILD=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// shell runs a script in which $S is the sample.
func shell(t *testing.T, dir, script string) result {
	t.Helper()
	cmd := child(t)
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	sh := exec.CommandContext(ctx, "bash", "-c", script)
	sh.Dir = dir
	sh.Env = append(cmd.Env, "S="+os.Args[0])
	var stdout, stderr bytes.Buffer
	sh.Stdout, sh.Stderr = &stdout, &stderr
	if err := sh.Run(); err != nil && sh.ProcessState == nil {
		t.Fatal(err)
	}
	return result{sh.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names returns the names in dir, hidden ones included, separated by spaces.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return strings.Join(s, " ")
}
