package cmd

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts have beside the commands of testscript; the README of the scripts tells
// what they do.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"run":      runCommand,
	"pack":     always(2, pack),
	"restores": always(1, restores),
	"noise":    always(3, makeNoise),
	"poke":     always(2, poke),
	"same":     always(2, same),
	"size":     always(3, size),
	"only":     always(0, only),
	"oneerror": always(1, oneError),
	"refused":  always(1, refused),
	"unsound":  always(1, unsound),
	"json":     always(3, compareJSON),
	"getjson":  always(3, getJSON),
	"samejson": always(3, sameJSON),
}

// always is a command that cannot be negated, with a least number of arguments.
func always(least int, f func(ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least {
			ts.Fatalf("wrong usage: see testdata/script/README.md")
		}
		f(ts, args)
	}
}

func pack(ts *testscript.TestScript, args []string) {
	line := append([]string{"hexz-chunk"}, args[2:]...)
	line = append(line, args[0], "|", "hexz-dedup", "|", "hexz-compress", "|", "hexz-seal", "-o", args[1])
	runCommand(ts, false, line)
}

func restores(ts *testscript.TestScript, args []string) {
	in, cut := args[0], args[1:]
	for _, codec := range []string{"none", "zstd", "lz4", "s2"} {
		for _, dedup := range []string{"cat", "hexz-dedup"} {
			runWords(ts, "hexz-chunk "+strings.Join(cut, " ")+" "+in+" | "+dedup+" | hexz-compress -c "+codec+" | hexz-seal -o a.hxz")
			runWords(ts, "hexz-verify a.hxz")
			for _, way := range []string{"hexz-cat a.hxz > out", "hexz-cat -o out a.hxz", "hexz-cat < a.hxz > out", "cat a.hxz | hexz-cat > out"} {
				runWords(ts, way)
				same(ts, []string{"out", in})
			}
		}
	}
}

func runWords(ts *testscript.TestScript, line string) { runCommand(ts, false, strings.Fields(line)) }

func makeNoise(ts *testscript.TestScript, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), noise(number(ts, args[1]), uint64(number(ts, args[2]))), 0o666))
}

func poke(ts *testscript.TestScript, args []string) {
	name := ts.MkAbs(args[0])
	p, err := os.ReadFile(name)
	ts.Check(err)
	at := number(ts, args[1])
	if at < 0 {
		at += len(p)
	}
	p[at] ^= 0xff
	ts.Check(os.WriteFile(name, p, 0o666))
}

func same(ts *testscript.TestScript, args []string) {
	want := []byte(ts.ReadFile(args[0]))
	for _, name := range args[1:] {
		got := []byte(ts.ReadFile(name))
		if bytes.Equal(got, want) {
			continue
		}
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		ts.Fatalf("%s has %d bytes, %s %d: they differ from byte %d on", args[0], len(want), name, len(got), at)
	}
}

func size(ts *testscript.TestScript, args []string) {
	want := args[len(args)-1]
	most := float64(sizeOf(ts, want))
	if len(args) == 4 {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(args[2], "%"), 64)
		ts.Check(err)
		most *= percent / 100
	}
	compare(ts, args[0], float64(sizeOf(ts, args[0])), args[1], most)
}

// sizeOf returns the size of a file, or a number that stands there.
func sizeOf(ts *testscript.TestScript, what string) int {
	if n, err := strconv.Atoi(what); err == nil {
		return n
	}
	info, err := os.Stat(ts.MkAbs(what))
	ts.Check(err)
	return int(info.Size())
}

func compare(ts *testscript.TestScript, what string, got float64, op string, want float64) {
	ok := false
	switch op {
	case "=":
		ok = got == want
	case "<":
		ok = got < want
	case ">":
		ok = got > want
	default:
		ts.Fatalf("what is %q?", op)
	}
	if !ok {
		ts.Fatalf("%s is %v, not %s %v", what, got, op, want)
	}
}

func only(ts *testscript.TestScript, want []string) {
	entries, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	var have []string
	for _, e := range entries {
		if e.Name() != ".tmp" { // $TMPDIR
			have = append(have, e.Name())
		}
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		ts.Fatalf("the directory has %q, not %q", have, want)
	}
	left, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("%s is left in $TMPDIR", left[0])
	}
}

func oneError(ts *testscript.TestScript, args []string) {
	if text := ts.ReadFile("stderr"); !isOneError(args[0], text) {
		ts.Fatalf("not one line of %s, and perhaps a hint: %q", args[0], text)
	}
}

// isOneError reports whether text is one line of a binary, and perhaps one with a hint.
func isOneError(name, text string) bool {
	return regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `: .*\n(hint: .*\n)?$`).MatchString(text)
}

func refused(ts *testscript.TestScript, args []string) {
	out, errs, codes := start(ts, stages(args), "", "")
	io.WriteString(ts.Stderr(), errs)
	if codes[0] != 2 || out != "" || !isOneError(args[0], errs) {
		ts.Fatalf("not refused as wrong usage, in one line: exit code %d, output %q, message %q", codes[0], out, errs)
	}
}

func unsound(ts *testscript.TestScript, args []string) {
	for _, name := range args {
		out, errs, codes := start(ts, [][]string{{"hexz-verify", name}}, "", "")
		if codes[0] != 3 || out != "" || !strings.HasPrefix(errs, "hexz-verify: "+name+": ") {
			ts.Fatalf("%s is not called damaged: exit code %d, output %q, message %q", name, codes[0], out, errs)
		}
	}
}

func compareJSON(ts *testscript.TestScript, args []string) {
	got := field(ts, args[0], args[1])
	if len(args) == 3 {
		if got != args[2] {
			ts.Fatalf("%s of %s is %s, not %s", args[1], args[0], got, args[2])
		}
		return
	}
	n, err := strconv.ParseFloat(got, 64)
	ts.Check(err)
	want, err := strconv.ParseFloat(args[3], 64)
	ts.Check(err)
	compare(ts, args[1], n, args[2], want)
}

func getJSON(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], field(ts, args[1], args[2]))
}

func sameJSON(ts *testscript.TestScript, args []string) {
	for _, place := range args[2:] {
		if a, b := field(ts, args[0], place), field(ts, args[1], place); a != b {
			ts.Fatalf("%s is %s in %s, and %s in %s", place, a, args[0], b, args[1])
		}
	}
}

// field returns what stands at a place of a file of JSON, such as streams.0.name: a string as it is,
// all else as compact JSON. streams.len is how many there are.
func field(ts *testscript.TestScript, file, place string) string {
	var value any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	d.UseNumber()
	ts.Check(d.Decode(&value))
	for name := range strings.SplitSeq(place, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
			if name == "len" {
				value = len(v)
			}
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i < len(v) {
				value = v[i]
			} else if name == "len" {
				value = len(v)
			} else {
				ts.Fatalf("%s has %d values at %s", file, len(v), place)
			}
		case string:
			value = len(v)
		default:
			ts.Fatalf("%s has nothing at %s", file, place)
		}
	}
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	ts.Check(err)
	return string(text)
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}
