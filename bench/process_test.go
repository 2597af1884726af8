package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runner has a meter that is built for the test.
func runner(t *testing.T) *Runner {
	t.Helper()
	meter := filepath.Join(t.TempDir(), "meter")
	if out, err := exec.Command("go", "build", "-o", meter, "./meter").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return &Runner{t.Context(), meter}
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	check(os.WriteFile(name, []byte(content), 0o666))
	return name
}

func TestRunMeasuresEveryStage(t *testing.T) {
	const size = 32 * mib
	in, out := file(t, strings.Repeat("x", size)), filepath.Join(t.TempDir(), "out")
	r := runner(t)
	// dd of one large block has that in memory.
	m := r.Run(Command{Stages: [][]string{{"cat"}, {"dd", "bs=32M", "iflag=fullblock", "status=none"}}, Stdin: in, Stdout: out})
	if sizeOf(out) != size {
		t.Errorf("%d bytes came through", sizeOf(out))
	}
	if len(m.RSS) != 2 || m.RSS[0] > 16*mib || m.RSS[1] < size {
		t.Errorf("peak memory %v", m.RSS)
	}
	if len(m.Read) != 2 || m.Read[0] < size || m.Read[0] > size+mib {
		t.Errorf("read %v", m.Read)
	}
	if m.Wall <= 0 || m.CPU <= 0 {
		t.Errorf("seconds %v %v", m.Wall, m.CPU)
	}
	// The memory of the largest of the descendants counts.
	m = r.Run(command("sh", "-c", "dd if=/dev/zero of=/dev/null bs=32M count=1 status=none; true"))
	if m.RSS[0] < size {
		t.Errorf("peak memory of a child %v", m.RSS)
	}
}

func TestRunFails(t *testing.T) {
	r := runner(t)
	for name, c := range map[string]Command{
		"sh: exit status 3: oops": {Stages: [][]string{{"sh", "-c", "echo oops >&2; exit 3"}, {"cat"}}},
		"sh: exit status 143":     command("sh", "-c", "kill $$"),
		"no such file":            command("/no/such/program"),
	} {
		err := attempt(func() { r.Run(c) })
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := Runner{ctx, r.meter}
	if err := attempt(func() { stopped.Run(command("sleep", "60")) }); err == nil {
		t.Error("it ran though it was stopped")
	}
}

func TestCompare(t *testing.T) {
	r := runner(t)
	want := strings.Repeat("0123456789", 300_000)
	name := file(t, want)
	for got, message := range map[string]string{
		want:                     "",
		want[:len(want)-1]:       "differs",
		want + "x":               "differs",
		"x" + want[1:]:           "byte 0",
		want[:2*mib] + "no":      "byte 2097152",
		want[:len(want)-1] + "x": "differs",
	} {
		err := attempt(func() { r.Compare(command("cat", file(t, got)), name) })
		if message == "" && err != nil || message != "" && (err == nil || !strings.Contains(err.Error(), message)) {
			t.Errorf("%d bytes, %q: %v", len(got), message, err)
		}
	}
	if err := attempt(func() { r.Compare(command("sh", "-c", `cat "$0"; exit 1`, name), name) }); err == nil {
		t.Error("the right bytes of a program that fails are taken")
	}
}
