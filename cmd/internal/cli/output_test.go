package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOutputIsAtomic(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if r := runSample(t, "new", "copy", "-o", out); r.code != 0 || read(t, out) != "new" || r.stdout != "" {
		t.Fatalf("%+v", r)
	}
	for _, action := range []string{"fail", "forget"} {
		if r := runSample(t, "", action, "-o", out); r.code != 1 || read(t, out) != "new" {
			t.Errorf("%s: %+v, file %q", action, r, read(t, out))
		}
		if r := runSample(t, "", action, "-o", filepath.Join(dir, "never")); r.code != 1 {
			t.Errorf("%s: %+v", action, r)
		}
		if got := names(t, dir); got != "out" {
			t.Errorf("%s left %s", action, got)
		}
	}
	if r := shell(t, dir, `"$S" panic -o out`); r.code != 2 || read(t, out) != "new" || names(t, dir) != "out" {
		t.Errorf("panic: %+v; %s", r, names(t, dir))
	}
	r := runSample(t, "", "copy", "-o", filepath.Join(dir, "no", "out"))
	if r.code != 1 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("%+v", r)
	}
	if r := runSample(t, "", "copy", "-o", dir); r.code != 1 || !strings.Contains(r.stderr, "is a directory") {
		t.Errorf("%+v", r)
	}
	if r := runSample(t, "", "copy", "-o", filepath.Join(dir, "new")+"/"); r.code != 1 || !strings.Contains(r.stderr, "is a directory") {
		t.Errorf("%+v", r)
	}
}

func TestOutputPermissions(t *testing.T) {
	dir := t.TempDir()
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	mode := func(name string) os.FileMode {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	runSample(t, "x", "copy", "-o", filepath.Join(dir, "new"))
	if m := mode("new"); m != 0o640 {
		t.Errorf("new file has %v", m)
	}
	write(t, filepath.Join(dir, "old"), "old")
	for _, want := range []os.FileMode{0o600, 0o666, 0o755} {
		if err := os.Chmod(filepath.Join(dir, "old"), want); err != nil {
			t.Fatal(err)
		}
		runSample(t, "x", "copy", "-o", filepath.Join(dir, "old"))
		if m := mode("old"); m != want || read(t, filepath.Join(dir, "old")) != "x" {
			t.Errorf("file with %v has %v", want, m)
		}
	}
	if os.Geteuid() == 0 {
		return // may write to any file
	}
	if err := os.Chmod(filepath.Join(dir, "old"), 0o444); err != nil {
		t.Fatal(err)
	}
	if r := runSample(t, "y", "copy", "-o", filepath.Join(dir, "old")); r.code != 1 {
		t.Errorf("replaced a write-protected file: %+v", r)
	}
}

func TestOutputFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(path("sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path("sub/target"), "old")
	for link, to := range map[string]string{
		"link": "sub/target", "dangling": "sub/../sub/fresh", "absolute": path("sub/third"), "dir": "sub", "loop": "loop",
	} {
		if err := os.Symlink(to, path(link)); err != nil {
			t.Fatal(err)
		}
	}
	for link, file := range map[string]string{
		"link": "sub/target", "dangling": "sub/fresh", "absolute": "sub/third", "dir/fourth": "sub/fourth",
	} {
		r := runSample(t, "new", "copy", "-o", path(link))
		if r.code != 0 || read(t, path(file)) != "new" {
			t.Errorf("%s: %+v", link, r)
		}
		if info, err := os.Lstat(path(link)); err != nil || info.Mode().IsRegular() == (link != "dir/fourth") {
			t.Errorf("%s was replaced itself", link)
		}
	}
	if r := runSample(t, "", "copy", "-o", path("loop")); r.code != 1 {
		t.Errorf("loop: %+v", r)
	}
	if got := names(t, path("sub")); got != "fourth fresh target third" {
		t.Errorf("left %s", got)
	}
}

func TestOutputInPlace(t *testing.T) {
	dir := t.TempDir()
	if r := runSample(t, "x", "copy", "-o", "/dev/null"); r.code != 0 {
		t.Errorf("/dev/null: %+v", r)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Fatal("/dev/null is no more")
	}
	r := runSample(t, "x", "copy", "-o", "/dev/full")
	if want := "hexz-sample: write /dev/full: no space left on device\n"; r.code != 1 || r.stderr != want {
		t.Errorf("/dev/full: %+v", r)
	}
	if r := runSample(t, "x", "copy", "/dev/null", "-o", "/dev/null"); r.code != 0 {
		t.Errorf("/dev/null on both sides: %+v", r)
	}
	for _, script := range []string{
		`mkfifo p; cat p > got & echo data | "$S" copy -o p; wait`,
		`echo data | "$S" copy -o >(cat > got; touch end); while ! [ -e end ]; do sleep 0.01; done`,
		`echo data | "$S" copy -o /dev/fd/5 5> got`,
		`echo log > got; echo data | "$S" copy -o /dev/stderr 2>> got; sed -i /log/d got`,
		`echo data | "$S" copy -o /dev/stdout | cat > got`,
		`echo data | "$S" copy -o - > got`,
		`echo data > in; "$S" copy <(cat in) > got`,
		`echo data | "$S" copy /dev/stdin > got`,
	} {
		os.Remove(filepath.Join(dir, "got"))
		if r := shell(t, dir, script); r.code != 0 || read(t, filepath.Join(dir, "got")) != "data\n" {
			t.Errorf("%s: %+v, got %q", script, r, read(t, filepath.Join(dir, "got")))
		}
	}
	if r := shell(t, dir, `"$S" copy -o /dev/fd/77 < in`); r.code != 1 || !strings.Contains(r.stderr, "bad file descriptor") {
		t.Errorf("%+v", r)
	}
}

func TestStdoutErrors(t *testing.T) {
	dir := t.TempDir()
	for _, script := range []string{`echo data | "$S" copy > /dev/full`, `"$S" forget > /dev/full`} {
		if r := shell(t, dir, script); r.code != 1 ||
			r.stderr != "hexz-sample: write standard output: no space left on device\n" {
			t.Errorf("%s: %+v", script, r)
		}
	}
	if r := shell(t, dir, `"$S" copy /dev/zero | head -c 1 > got; echo ${PIPESTATUS[0]}`); r.stdout != "141\n" || r.stderr != "" {
		t.Errorf("SIGPIPE: %+v", r)
	}
	r := shell(t, dir, `mkfifo p; head -c 1 p > got & "$S" copy /dev/zero -o p`)
	if r.code != 1 || r.stderr != "hexz-sample: write p: broken pipe\n" {
		t.Errorf("EPIPE on a file: %+v", r)
	}
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "content")
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{
		`"$S" copy a -o a`, `"$S" copy a -o ./link`, `"$S" copy a -o hard`, `"$S" copy -o a < a`,
		`"$S" copy a >> a`, `"$S" copy a 1<> hard`, `"$S" copy <a >>link`, `"$S" copy a --stats a`,
		`"$S" copy a -o b --stats b`, `"$S" copy a -o /dev/fd/5 5>> a`,
	} {
		// The limit guards against a bug: a file that is copied to its own end grows for ever.
		r := shell(t, dir, "ulimit -f 100; "+script)
		if r.code != 2 || strings.Count(r.stderr, "\n") != 2 || !strings.HasPrefix(r.stderr, "hexz-sample: ") {
			t.Errorf("%s: %+v", script, r)
		}
		if got := names(t, dir); got != "a hard link" || read(t, filepath.Join(dir, "a")) != "content" {
			t.Errorf("%s: left %s, content %q", script, got, read(t, filepath.Join(dir, "a")))
		}
	}
}

func TestInputErrors(t *testing.T) {
	dir := t.TempDir()
	if r := runSample(t, "", "copy", dir); r.code != 1 || !strings.Contains(r.stderr, dir+": is a directory") {
		t.Errorf("%+v", r)
	}
	if r := shell(t, dir, `"$S" copy < .`); r.code != 1 || !strings.Contains(r.stderr, "is a directory") {
		t.Errorf("%+v", r)
	}
	if r := runSample(t, "", "copy", filepath.Join(dir, "x")); r.code != 1 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("%+v", r)
	}
	if r := runSample(t, "", "twice"); r.code != 2 || !strings.Contains(r.stderr, "only once") {
		t.Errorf("%+v", r)
	}
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "stats")
	r := runSample(t, "12345", "copy", "--stats", path)
	const own = `{"bytes":5,"op":"<copy>","seconds":`
	if r.code != 0 || r.stdout != "12345" || !strings.HasPrefix(read(t, path), own) {
		t.Errorf("%+v, %q", r, read(t, path))
	}
	var used map[string]any
	if err := json.Unmarshal([]byte(read(t, path)), &used); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"seconds", "user_seconds", "system_seconds", "max_rss_bytes"} {
		if n, ok := used[key].(float64); !ok || n < 0 || n == 0 && (key == "seconds" || key == "max_rss_bytes") {
			t.Errorf("%s is %v", key, used[key])
		}
	}
	if r := runSample(t, "", "fail", "--stats", filepath.Join(dir, "none")); r.code != 1 || names(t, dir) != "stats" {
		t.Errorf("%+v, left %s", r, names(t, dir))
	}
	if r := runSample(t, "", "copy", "--stats", filepath.Join(dir, "no/stats")); r.code != 1 || r.stdout != "" {
		t.Errorf("%+v", r)
	}
	if r := shell(t, dir, `echo x | "$S" copy --stats /dev/stderr`); r.code != 0 || !strings.HasPrefix(r.stderr, `{"bytes":2,"op":"<copy>",`) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("%+v", r)
	}
}

func TestKind(t *testing.T) {
	for script, want := range map[string]string{
		`"$S" kind > a`:                     "true",
		`"$S" kind -o a`:                    "true",
		`"$S" kind >> a`:                    "false",
		`echo x > b; "$S" kind 1<> b`:       "false", // has old data that a hole would not hide
		`(printf head; "$S" kind) > c`:      "true",
		`"$S" kind | cat`:                   "false",
		`"$S" kind > /dev/null`:             "false",
		`"$S" kind -o /dev/null`:            "false",
		`"$S" kind -o /dev/fd/5 5>> append`: "false",
	} {
		if r := shell(t, t.TempDir(), script); r.code != 0 || r.stderr != "regular="+want+" device=false\n" {
			t.Errorf("%s: %+v, want %s", script, r, want)
		}
	}
}

func TestOutputIsSticky(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	env := newEnv(context.Background(), "hexz-sample", os.Stdin, full, io.Discard)
	o, err := env.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, first := o.Write([]byte("x"))
	if !errors.Is(first, syscall.ENOSPC) {
		t.Fatal(first)
	}
	if _, err := o.Write(nil); err != first {
		t.Errorf("second write: %v", err)
	}
	if _, err := o.WriteAt(nil, 0); err != first {
		t.Errorf("write at: %v", err)
	}
	if err := o.Commit(); err != first {
		t.Errorf("commit: %v", err)
	}
	o.Cleanup()
	o.Cleanup()
}
