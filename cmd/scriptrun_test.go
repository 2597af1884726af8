package cmd

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// runCommand is: run [-CODE] COMMAND [ARG]... [| COMMAND [ARG]...]... [< FILE] [> FILE]
func runCommand(ts *testscript.TestScript, neg bool, args []string) {
	want := 0
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		want, args = number(ts, args[0][1:]), args[1:]
	}
	args, stdin := redirected(ts, args, "<")
	args, stdout := redirected(ts, args, ">")
	out, errs, codes := start(ts, stages(args), stdin, stdout)
	io.WriteString(ts.Stdout(), out)
	io.WriteString(ts.Stderr(), errs)
	last := codes[len(codes)-1]
	switch {
	case neg && last == 0:
		ts.Fatalf("exit code 0, and not another")
	case neg:
	case want == 0 && slices.ContainsFunc(codes, func(code int) bool { return code != 0 }):
		ts.Fatalf("exit codes %v", codes)
	case last != want:
		ts.Fatalf("exit code %d, not %d", last, want)
	}
}

// redirected takes the word sign and the name of a file after it out of args.
func redirected(ts *testscript.TestScript, args []string, sign string) (rest []string, file string) {
	i := slices.Index(args, sign)
	if i < 0 {
		return args, ""
	}
	if i+1 == len(args) {
		ts.Fatalf("no file after %s", sign)
	}
	return slices.Concat(args[:i], args[i+2:]), args[i+1]
}

func stages(args []string) [][]string {
	all := [][]string{nil}
	for _, word := range args {
		if word == "|" {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], word)
	}
	return all
}

// start runs a pipeline, whose input is /dev/null and whose output is returned unless files are
// given, and returns the exit code of each stage, -1 of one that a signal ended. Output goes to files:
// into a pipe, a stage that fails would write why.
func start(ts *testscript.TestScript, line [][]string, stdin, stdout string) (out, errs string, codes []int) {
	in := open(ts, os.DevNull)
	if stdin != "" {
		in = open(ts, ts.MkAbs(stdin))
	}
	to, log := unnamed(ts), unnamed(ts)
	defer to.Close()
	defer log.Close()
	if stdout != "" {
		f, err := os.Create(ts.MkAbs(stdout))
		ts.Check(err)
		to.Close()
		to = f
	}
	var cmds []*exec.Cmd
	for i, words := range line {
		if len(words) == 0 {
			ts.Fatalf("a pipeline with nothing in it")
		}
		cmd := command(ts, words)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = in, to, log
		var next *os.File
		if i < len(line)-1 {
			r, w, err := os.Pipe()
			ts.Check(err)
			next, cmd.Stdout = r, w
		}
		ts.Check(cmd.Start())
		cmds = append(cmds, cmd)
		in.Close()
		if next != nil {
			cmd.Stdout.(*os.File).Close()
		}
		in = next
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); cmd.ProcessState == nil {
			ts.Check(err)
		}
		codes = append(codes, cmd.ProcessState.ExitCode())
	}
	if stdout == "" {
		out = content(ts, to)
	}
	return out, content(ts, log), codes
}

func command(ts *testscript.TestScript, words []string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "HEXZ_HINTS", "HEXZ_PATH"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// unnamed returns a new file without a name.
func unnamed(ts *testscript.TestScript) *os.File {
	f, err := os.CreateTemp("", "hexz-script-")
	ts.Check(err)
	ts.Check(os.Remove(f.Name()))
	return f
}

func open(ts *testscript.TestScript, name string) *os.File {
	f, err := os.Open(name)
	ts.Check(err)
	return f
}

func content(ts *testscript.TestScript, f *os.File) string {
	_, err := f.Seek(0, io.SeekStart)
	ts.Check(err)
	p, err := io.ReadAll(f)
	ts.Check(err)
	return string(p)
}
