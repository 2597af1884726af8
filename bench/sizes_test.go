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
	"hexz/bench/synthetic"
)

// thinPair packs two versions, the second as a thin archive, and returns its file.
func thinPair(t *testing.T, a, b []byte) string {
	t.Helper()
	dir := t.TempDir()
	pack := func(name string, content []byte, parents ...string) string {
		file := filepath.Join(dir, name)
		out := must(os.Create(file))
		defer out.Close()
		must(hexz.Pack(context.Background(), out, []hexz.Input{hexz.Reader("disk", bytes.NewReader(content))}, hexz.PackOptions{Parents: parents}))
		return file
	}
	return pack("b.hxz", b, pack("a.hxz", a))
}

func TestReadAnew(t *testing.T) {
	a := randomBytes(random("versions"), 3*mib)
	b := bytes.Clone(a)
	copy(b[mib:], randomBytes(random("change"), 100*kib))
	file := thinPair(t, a, b)
	want := func(p []byte, at int64) { copy(p, b[at:]) }
	old, new := readAnew(file, []int64{0, 2 * mib, 3*mib - block}, want), readAnew(file, []int64{mib + 20*kib}, want)
	for _, values := range []map[string]float64{old, new} {
		for _, key := range []string{openReadsValue, openBytesValue, readsValue, readBytesValue, microsValue} {
			if values[key] <= 0 {
				t.Errorf("%s is %v", key, values[key])
			}
		}
	}
	if old[parentsValue] != 1 || old[mostParentsValue] != 1 || new[parentsValue] != 0 {
		t.Errorf("parents that were opened: %v, %v; %v", old[parentsValue], old[mostParentsValue], new[parentsValue])
	}
	if old[openBytesValue] != new[openBytesValue] || old[readsValue] <= new[readsValue] {
		t.Errorf("a block of the parent: %v, one that is here: %v", old, new)
	}
	o := openArchive(file, 1)
	defer o.close()
	reads, size := o.reads, o.size
	must(o.first(make([]byte, block), mib+20*kib))
	if new[readsValue] != float64(o.reads-reads) || new[readBytesValue] != float64(o.size-size) {
		t.Errorf("%d reads of %d bytes, want %v", o.reads-reads, o.size-size, new)
	}
	err := attempt(func() { readAnew(file, []int64{mib}, func(p []byte, at int64) { copy(p, a[at:]) }) })
	if err == nil || !strings.Contains(err.Error(), "b.hxz: the block at offset 1048576 differs") {
		t.Errorf("a block that differs: %v", err)
	}
	original := filepath.Join(t.TempDir(), "b")
	check(os.WriteFile(original, b, 0o666))
	if values := cachingReader("b", file, original, 0).read([]int64{0, mib}); values[parentsValue] != 1 || values[medianValue] <= 0 {
		t.Errorf("%v", values)
	}
}

func TestStored(t *testing.T) {
	content := randomBytes(random("stored"), mib)
	file := thinPair(t, content, append(bytes.Clone(content), randomBytes(random("more"), 50*kib)...))
	sample := Sample{Values: map[string]float64{}}
	stored(sample, file)
	chunks, rest := sample.Values[chunksValue], sample.Values[restValue]
	if chunks < 50*kib || chunks > 120*kib || rest < 500 || chunks+rest != float64(sizeOf(file)) {
		t.Errorf("%v", sample.Values)
	}
}

func TestOverlay(t *testing.T) {
	whole, over := file(t, strings.Repeat("x", 1000*block)), filepath.Join(t.TempDir(), "over")
	s := &Session{}
	s.overlay(over, whole, 5, "seed ", 1)
	a, b := must(os.ReadFile(over)), must(os.ReadFile(whole))
	changed := 0
	for at := 0; at < len(a); at += block {
		p, q := a[at:at+block], b[at:at+block]
		switch {
		case bytes.Equal(p, q):
			changed++
		case !bytes.Equal(p, make([]byte, block)) || !bytes.Equal(q, bytes.Repeat([]byte("x"), block)):
			t.Errorf("the block at offset %d", at)
		}
	}
	if len(a) != len(b) || changed != 5 {
		t.Errorf("%d blocks of %d bytes have changed", changed, len(a))
	}
}

func TestGrowth(t *testing.T) {
	s := &Session{sizes: []synthetic.Size{8 << 30, 64 << 30, 256 << 30}}
	for i, size := range s.sizes {
		s.add(changesStep, size.Label(), Sample{Round: 1, Values: map[string]float64{wallValue: 1 + float64(i)}, RSS: []int64{100 * mib}})
		s.add(versionStep, size.Label(), Sample{Round: 1, Values: map[string]float64{wallValue: 1 + float64(i)/4}, RSS: []int64{100 * mib}})
		s.add(diffStep, size.Label(), Sample{Round: 1, Values: map[string]float64{wallValue: 1 + 2*float64(i)}})
	}
	report := targetTable(s.sizeTargets())
	for _, want := range []string{
		"| `hexz-commit \\| hexz-compress \\| hexz-seal`, s: at most 1.5 times | 1.50 times | met |",
		"| `hexz-commit` alone, memory, MiB: at most 2 times | 1.00 times | met |",
		"| a version of the largest, s: at most 3 s | 1.50 s | met |",
		"| memory of hexz-commit: at most 128 MiB | 100 MiB | met |",
		"| hexz-diff of the largest and its version: at most 1 s | 5.00 s | **not met** |",
		"| bytes of these: at most 400 KB | not measured | – |",
		"| linux-a.tar without a change: at most 2000 bytes | not measured | – |",
		"| chain, s, the last tenth of the versions to the first: at most 1.5 times | not measured | – |",
	} {
		if !strings.Contains(report, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, report)
		}
	}
	s.sizes = s.sizes[:1]
	if v := s.growth(imageRows()[5]); v != 0 {
		t.Errorf("growth of one image: %v", v)
	}
}

func TestLate(t *testing.T) {
	s := &Session{}
	for i := range 20 {
		s.add(chainStep, string(rune('a'+i)), Sample{Round: 1, Values: map[string]float64{wallValue: float64(10 + i)}})
	}
	if got := s.late(wallValue); got != 28.5/10.5 {
		t.Errorf("%v", got)
	}
}

func TestSizesOptions(t *testing.T) {
	o := parse(words("sizes --corpus /some/where --images 8M,1G --rounds 3 images"))
	if got := sizesCommand(o); got != "bench/run sizes images --images 8M,1G --rounds 3" {
		t.Error(got)
	}
	if got := imageSizes(o); len(got) != 2 || got[0] != 8<<20 || got[1] != 1<<30 {
		t.Error(got)
	}
	if got := imageSizes(parse(words("sizes"))); len(got) != 2 || got[1] != 256<<30 {
		t.Error(got)
	}
	for _, wrong := range []string{"8X", "1000K", "4097K", "1G,-1"} {
		var usage usageError
		if err := attempt(func() { imageSizes(parse([]string{"sizes", "--images", wrong})) }); !errors.As(err, &usage) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
