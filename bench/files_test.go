package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hexz"
)

func TestAttempt(t *testing.T) {
	broken := errors.New("broken")
	if err := attempt(func() { check(nil, broken) }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := attempt(func() { check(nil, nil) }); err != nil {
		t.Errorf("%v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a panic is no failure")
		}
	}()
	attempt(func() { panic("other") })
}

func TestRepeatFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	repeatFiles(out, 25, file(t, "abcdef"), file(t, "ghij"))
	got := must(os.ReadFile(out))
	want := []byte("abcdefghij")
	if len(got) != 25 || !bytes.Equal(got[:10], want) || bytes.Equal(got[10:20], want) || got[10]^got[11] != 'a'^'b' {
		t.Errorf("%q", got)
	}
}

// tree returns the content of all files below a directory.
func tree(dir string) string {
	var b strings.Builder
	for _, name := range filesBelow(dir) {
		b.WriteString(strings.TrimPrefix(name, dir) + "\n")
		b.Write(must(os.ReadFile(name)))
	}
	return b.String()
}

func TestSameDaysDoTheSame(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	before := ""
	for day := range 3 {
		for _, dir := range []string{one, two} {
			if day == 0 {
				check(os.Mkdir(filepath.Join(dir, "etc"), 0o777))
				check(os.WriteFile(filepath.Join(dir, "etc/a.conf"), []byte("first\nlast\n"), 0o666))
			}
			edit(dir, day, 1000)
		}
		now := tree(one)
		if now == before || now != tree(two) {
			t.Fatalf("day %d", day)
		}
		before = now
	}
	if got := must(os.ReadFile(filepath.Join(one, "etc/a.conf"))); string(got) != "first\n# changed on day 1\nlast\n" {
		t.Errorf("%q", got)
	}
}

func TestFaults(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1024) // 16 KiB
	want := file(t, content)
	changed := map[string][2]float64{ // the least and the most that may be right
		"one bit flipped": {1 - 512.0/16384, 1 - 512.0/16384}, "4 KiB zeroed": {0.75, 0.75}, "cut": {0, 1},
	}
	for _, f := range allFaults() {
		for seed := range 20 {
			dir := t.TempDir()
			name := filepath.Join(dir, "file")
			check(os.WriteFile(name, []byte(content), 0o666))
			f.apply(dir, random(seed))
			share, same := rightBytes(name, want)
			if limits := changed[f.name]; same || share < limits[0] || share > limits[1] {
				t.Errorf("%s: %v %v", f.name, share, same)
			}
		}
	}
	if share, same := rightBytes(filepath.Join(t.TempDir(), "none"), want); share != 0 || same {
		t.Errorf("no file: %v %v", share, same)
	}
	if share, same := rightBytes(want, want); share != 1 || !same {
		t.Errorf("the same file: %v %v", share, same)
	}
}

func TestReadsOfAnArchive(t *testing.T) {
	content := randomBytes(random("content"), 3*mib)
	name := file(t, string(content))
	var packed bytes.Buffer
	must(hexz.Pack(context.Background(), &packed, []hexz.Input{hexz.Reader("disk", bytes.NewReader(content))}, hexz.PackOptions{}))
	archive := file(t, packed.String())
	offsets := dataBlocks(name, 50, random("offsets"))
	values := archiveReader("hexz", archive, name).read(offsets)
	for _, key := range []string{medianValue, p99Value, segmentValue} {
		if values[key] <= 0 {
			t.Errorf("%s is %v", key, values[key])
		}
	}
	content[offsets[7]]++
	other := file(t, string(content))
	if err := attempt(func() { archiveReader("hexz", archive, other).read(offsets) }); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("a block that differs: %v", err)
	}
}

func TestDataBlocksAreNotZero(t *testing.T) {
	content := make([]byte, 100*block)
	content[17*block+5] = 1
	for _, at := range dataBlocks(file(t, string(content)), 3, random("zeros")) {
		if at != 17*block {
			t.Errorf("offset %d", at)
		}
	}
}

func TestParse(t *testing.T) {
	o := parse(words("versions --rounds 3 --tools zstd,borg chain remote --quick"))
	if o.command != "versions" || o.rounds != 3 || !o.quick || strings.Join(o.tools, " ") != "zstd borg" || strings.Join(o.args, " ") != "chain remote" {
		t.Errorf("%+v", o)
	}
	if o := parse(words("--quick")); o.command != "pack" || !o.quick || len(o.steps) != len(packSteps) {
		t.Errorf("%+v", o)
	}
	var wrong usageError
	if err := attempt(func() { parse(words("pack --steps bake")) }); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
}
