package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelp(t *testing.T) {
	for _, flag := range []string{"-h", "--help"} {
		r := runSample(t, "", flag)
		if r.code != 0 || r.stderr != "" {
			t.Fatalf("%s: code %d, stderr %q", flag, r.code, r.stderr)
		}
		for _, want := range []string{
			"Usage: hexz-sample [OPTION]... ACTION", "\nOptions:\n", "\nCommon options:\n", "\nOther:\n",
			"-b, --block SIZE", "(default 256KiB)", "-o, --output FILE", "-T, --threads N", "--progress WHEN",
			"--stats FILE", "-q, --quiet ", "-v, --verbose ", "-h, --help ", "--version", "--man", "--completion SHELL",
			"\nExamples:\n  hexz-sample copy",
		} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s lacks %q", flag, want)
			}
		}
		for l := range strings.Lines(r.stdout) {
			if l = strings.TrimSuffix(l, "\n"); utf8.RuneCountInString(l) > 80 || strings.TrimRight(l, " ") != l {
				t.Errorf("line has %d columns or trailing space: %q", len(l), l)
			}
		}
	}
	c := &Command{Name: "hexz-bare", Short: "do nothing"}
	if h := define(c).help(); strings.Contains(h, "\nOptions:") || strings.Contains(h, "--output") ||
		strings.Contains(h, "\n\n\n") || !strings.HasPrefix(h, "Usage: hexz-bare [OPTION]...\n\ndo nothing\n") {
		t.Errorf("help of a bare command:\n%s", h)
	}
	if r := shell(t, t.TempDir(), `"$S" --help > /dev/full`); r.code != 1 {
		t.Errorf("help into a full device: %+v", r)
	}
}

func TestVersion(t *testing.T) {
	version = "1.2.3"
	defer func() { version = "" }()
	if r := runSample(t, "", "--version"); r.code != 0 || r.stdout != "hexz-sample 1.2.3\n" {
		t.Errorf("%+v", r)
	}
	version = ""
	if versionString() == "" {
		t.Error("no version")
	}
}

func TestMan(t *testing.T) {
	r := runSample(t, "", "--man")
	if again := runSample(t, "", "--man"); again != r || r.code != 0 {
		t.Fatal("the manual page differs from one run to the next")
	}
	for _, want := range []string{
		".TH \"HEXZ\\-SAMPLE\" \"1\" \"\"", ".SH NAME\nhexz\\-sample \\- do as", `\fB\-b\fR, \fB\-\-block\fR \fISIZE\fR`,
		"<text>", "*.hxz", "\\(aqquoted\\(aq \\e and", "\n\\&.starts", "(default 256KiB)", ".SH EXIT STATUS", ".B 4", ".SH EXAMPLES",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("manual page lacks %q", want)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff to check the page with")
	}
	cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	cmd.Stdin = strings.NewReader(r.stdout)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := runSample(t, "", "--completion", shell)
		if r.code != 0 || !strings.Contains(r.stdout, "hexz-sample") || !strings.Contains(r.stdout, "__complete") {
			t.Errorf("%s: code %d, %d bytes", shell, r.code, len(r.stdout))
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		script := t.TempDir() + "/script"
		write(t, script, r.stdout)
		if out, err := exec.Command(path, "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
	}
	if r := runSample(t, "", "--completion", "tcsh"); r.code != 2 {
		t.Errorf("tcsh: %+v", r)
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--bl"}, "--block\tcut at SIZE bytes, which is a flag with a text that is long enough to be wrapped over lines\n:4\n"},
		{[]string{"--codec", ""}, "zstd\nlz4\nnone\n:4\n"},
		{[]string{"--codec=l"}, "zstd\nlz4\nnone\n:4\n"}, // the shell filters
		{[]string{"--progress", "al"}, "auto\nalways\nnever\n:4\n"},
		{[]string{"--output", "x"}, ":0\n"}, // file names
		{[]string{"copy", ""}, ":0\n"},
		{[]string{"-qo", "al"}, ":0\n"},
		{[]string{"-q", "-b4K", "--progress", ""}, "auto\nalways\nnever\n:4\n"},
		{[]string{"--progress", "--", "--progress", ""}, "auto\nalways\nnever\n:4\n"}, // the first -- is a value
		{[]string{"--", "--progress", ""}, ":0\n"},
		{[]string{"--", "--bl"}, ":0\n"},
		{[]string{"--bogus=x"}, ":0\n"},
		{[]string{"-b"}, "-b\tcut at SIZE bytes, which is a flag with a text that is long enough to be wrapped over lines\n:4\n"},
		{[]string{}, ":0\n"},
		{[]string{""}, ":0\n"},
	} {
		r := runSample(t, "", append([]string{"__complete"}, c.args...)...)
		if r.code != 0 || r.stdout != c.want {
			t.Errorf("%q: %+v, want %q", c.args, r, c.want)
		}
	}
	// The binary has no such commands.
	for _, word := range []string{"help", "completion"} {
		if r := runSample(t, "", word); r.code != 1 || !strings.Contains(r.stderr, "unknown action") {
			t.Errorf("%s: %+v", word, r)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{}, {"copy", "a", "b", "c"}, {"--bogus"}, {"-x"}, {"copy", "--block", "12Q"}, {"copy", "--block"},
		{"copy", "-T", "-1"}, {"copy", "-T", "x"}, {"copy", "-T", "100000"}, {"copy", "--progress", "sometimes"},
		{"copy", "--stats", "-"}, {"copy", "--stats", "/dev/stdout"}, {"copy", "-q", "-v"}, {"copy", "-o", ""},
		{"copy", "--stats", ""}, {"copy", "--stats", "a", "--stats", "b"},
	} {
		r := runSample(t, "", args...)
		lines := strings.Split(r.stderr, "\n")
		if r.code != 2 || r.stdout != "" || len(lines) != 3 ||
			!strings.HasPrefix(lines[0], "hexz-sample: ") || lines[1] != "hint: see hexz-sample --help" {
			t.Errorf("%q: %+v", args, r)
		}
		if strings.Contains(r.stderr, "strconv") {
			t.Errorf("%q: a name of Go in %q", args, r.stderr)
		}
	}
	c := &Command{Name: "hexz-bare", Run: func(*Env, []string) error { return nil }}
	if code, _ := run(c, []string{"x"}, os.Stdin, os.Stdout, new(strings.Builder)); code != 2 {
		t.Errorf("arguments for a command without: code %d", code)
	}
	c.MinArgs, c.MaxArgs = 2, -1
	if code, _ := run(c, []string{"x"}, os.Stdin, os.Stdout, new(strings.Builder)); code != 2 {
		t.Errorf("too few arguments: code %d", code)
	}
	if code, _ := run(c, []string{"x", "y", "z", "--", "-a"}, os.Stdin, os.Stdout, new(strings.Builder)); code != 0 {
		t.Errorf("many arguments: code %d", code)
	}
}

func TestExitCodes(t *testing.T) {
	for action, want := range map[string]result{
		"corrupt":   {3, "", "hexz-sample: segment 5: invalid input\n"},
		"truncated": {4, "", "hexz-sample: frame 5: stream is cut short\n"},
		"aborted":   {4, "", "hexz-sample: frame 5: upstream stage failed\n"},
		"fail":      {1, "partial", "hexz-sample: it failed in two lines\\x1b[2J\n"},
		"usage":     {2, "", "hexz-sample: no good\nhint: do better\n"},
		"code":      {9, "", ""},
		"child":     {1, "", "hexz-sample: key command: exit status 3\n"},
	} {
		for _, quiet := range [][]string{nil, {"-q"}} { // errors are never quiet
			if r := runSample(t, "", append(quiet, action)...); r != want {
				t.Errorf("%s %v: %+v, want %+v", action, quiet, r, want)
			}
		}
	}
	if WithHint(nil, "x") != nil {
		t.Error("a hint made an error")
	}
}

func TestMessages(t *testing.T) {
	if r := runSample(t, "", "warn", "d\n", "-v", "-T3"); r.stderr !=
		"hexz-sample: warning: disk \"d\\n\" is odd\nhexz-sample: dash -1, threads 3\n" {
		t.Errorf("%q", r.stderr)
	}
	if r := runSample(t, "", "warn", "-v", "--", "-x"); !strings.Contains(r.stderr, "dash 1,") {
		t.Errorf("%q", r.stderr)
	}
	if r := runSample(t, "", "warn", "-q"); r.stderr != "" {
		t.Errorf("%q", r.stderr)
	}
	for s, want := range map[string]string{
		"a\r\nb\tc\n": "a  b c", "\xff\x00": `\xff\x00`, "grün 漢": "grün 漢",
		"\u202etxt": `\xe2\x80\xaetxt`, "\u0085": "", "a\u009bb": `a\xc2\x9bb`, "\u2028x\u2028y": `x\xe2\x80\xa8y`,
	} {
		if got := oneLine(s); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", s, got, want)
		}
	}
}
