package overlay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

const qemuMap = `[{ "start": 0, "length": 65536, "depth": 1, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 65536, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 393216},
{ "start": 131072, "length": 65536, "depth": 0, "present": true, "zero": true, "data": false},
{ "start": 196608, "length": 802816, "depth": 1, "present": false, "zero": true, "data": false}]
`

const nbdMap = `[
{ "offset": 0, "length": 65536, "type": 0, "description": "clean"},
{ "offset": 65536, "length": 131072, "type": 1, "description": "dirty"},
{ "offset": 196608, "length": 802816, "type": 0, "description": "clean"}
]
`

// parse returns the changes of a map.
func parse(r io.Reader, size int64, layers int) (list []Change, err error) {
	m, err := ParseMap(r, size, layers)
	if err != nil {
		return nil, err
	}
	for {
		c, err := m.next()
		if err != nil {
			return list, nil
		}
		list = append(list, c)
	}
}

func TestParseMap(t *testing.T) {
	const size = 1000000
	for _, c := range []struct {
		text string
		want []Change
	}{
		{" \n\n", nil},
		{"# nothing\n", nil},
		{"[]", nil},
		{"[ ]\n", nil},
		{qemuMap, []Change{{65536, 65536, false}, {131072, 65536, true}}},
		{nbdMap, []Change{{65536, 131072, false}}},
		{`[{"offset":5,"length":6,"type":1}]`, []Change{{5, 6, false}}},
		{`[{"start":5,"length":6,"depth":0},{"start":11,"length":1,"depth":0}]`, []Change{{5, 7, false}}},
		{`[{"start":5,"length":6,"depth":0},{"start":11,"length":1,"depth":0,"zero":true}]`, []Change{{5, 6, false}, {11, 1, true}}},
		{`[{"start":5,"length":0,"depth":0}]`, nil},
		{`[{"start":999999,"length":5000,"depth":1}]`, nil}, // after the end, but not changed
		{"0 512\n  1024\t0x200  # hex\r\n\n0X800 1", []Change{{0, 512, false}, {1024, 512, false}, {2048, 1, false}}},
		{"0 1\n1 1\n2 1", []Change{{0, 3, false}}},
		{"999999 1\n1000000 0", []Change{{999999, 1, false}}},
	} {
		got, err := parse(iotest.OneByteReader(strings.NewReader(c.text)), size, 0)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
	for _, c := range [][2]string{
		{"", "empty"},
		{"1", "line 1"},
		{"\n1 2 3", "line 2"},
		{"0 1\n-1 1", "line 2"},
		{"0 -1", "negative"},
		{"5 5\n5 5", "line 2"},
		{"5 5\n0 1", "before the end"},
		{"1000000 1", "end of the image"},
		{"0 1000001", "end of the image"},
		{"9223372036854775807 1", "too large"},
		{"9223372036854775808 1", "no number"},
		{"a b", "no number"},
		{"1e3 1", "no number"},
		{strings.Repeat("1", 1<<20), "no text"},
		{"{}", "line 1"},
		{"[", "cut short"},
		{"[}", "invalid character"},
		{"[{}]", "element 1"},
		{"[null]", "element 1"},
		{"[1]", "element 1"},
		{"[[]]", "element 1"},
		{`[{"start":0,"length":1}]`, "no depth"},
		{`[{"start":0,"depth":0}]`, "no length"},
		{`[{"length":1,"depth":0}]`, "neither"},
		{`[{"start":0,"length":1,"depth":-1}]`, "depth"},
		{`[{"start":0,"length":1.5,"depth":0}]`, "element 1"},
		{`[{"start":0,"length":18446744073709551615,"depth":0}]`, "element 1"},
		{`[{"start":0,"length":1,"depth":0},{"start":0,"length":1,"depth":0}]`, "element 2"},
		{`[{"start":10,"length":1,"depth":1},{"start":0,"length":1,"depth":0}]`, "element 2"},
		{`[{"start":0,"length":1000001,"depth":0}]`, "end of the image"},
		{`[{"start":0,"length":1,"depth":0}`, "cut short"},
		{`[{"start":0,"length":1,"depth":0},`, "cut short"},
		{`[{"start":0,"length":1,"depth":0}] x`, "the map"},
		{`[{"start":0,"length":1,"depth":0}][]`, "after the map"},
		{`[{"offset":0,"length":1,"type":3,"description":"hole,zero"}]`, "dirty bitmap"},
		{`[{"offset":0,"length":1,"type":0,"description":"data"}]`, "dirty bitmap"},
		{`[{"offset":0,"length":1,"type":-1}]`, "dirty bitmap"},
		{`[{"start":0,"length":1,"depth":0,"x":"` + strings.Repeat("x", 2*maxElement) + `"}]`, "more than"},
		{"[" + strings.Repeat("[", 1<<20), "element 1"},
	} {
		got, err := parse(strings.NewReader(c[0]), size, 0)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%.60q: %d changes, %v", c[0], len(got), err)
		}
	}
	for _, text := range []string{"0 1\n2 3\n", nbdMap} {
		for n := range len(text) {
			if _, err := ParseMap(io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(io.ErrClosedPipe)), size, 0); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("read error after %d bytes of %q: %v", n, text, err)
			}
		}
	}
}

// A map says how deep in a chain a range lies. Without the number of layers an ambiguous map is
// refused, and gets no answer that could be wrong.
func TestMapOfChain(t *testing.T) {
	const text = `[{"start":0,"length":10,"depth":1},{"start":10,"length":10,"depth":0},{"start":20,"length":10,"depth":2,"zero":true},{"start":30,"length":9,"depth":3}]`
	for layers, want := range [][]Change{
		nil,
		{{10, 10, false}},
		{{0, 20, false}},
		{{0, 20, false}, {20, 10, true}},
		{{0, 20, false}, {20, 10, true}, {30, 9, false}},
	} {
		got, err := parse(strings.NewReader(text), 100, layers)
		if layers == 0 {
			if !errors.Is(err, ErrChain) || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "element 3") {
				t.Errorf("no number of layers: %v, %v", got, err)
			}
		} else if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d layers: %v, %v", layers, got, err)
		}
	}
}

// A map of millions of ranges takes a few bytes for each, and reads back unchanged. A map that
// takes too much memory is refused. Adjacent ranges are joined.
func TestHugeMap(t *testing.T) {
	for _, c := range []struct {
		step, length, n, bytes int
		ok                     bool
	}{
		{8192, 4096, 2 << 20, 5 << 20, true},
		{131072, 65536, 1 << 20, 5 << 20, true},
		{1, 1, 1 << 20, 1 << 20, true},
		{1<<41 + 1, 1<<40 + 1, 3 << 20, maxMap, false},
	} {
		r, w := io.Pipe()
		go func() {
			b := bufio.NewWriterSize(w, 1<<20)
			var line []byte
			for i := range c.n {
				line = fmt.Appendln(line[:0], i*c.step, c.length)
				b.Write(line) // fails once the reader has given up
			}
			b.Flush()
			w.Close()
		}()
		m, err := ParseMap(r, math.MaxInt64, 0)
		r.Close()
		if !c.ok {
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "32 MiB") {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || m.size > c.bytes {
			t.Fatalf("%+v: %d bytes, %v", c, m.size, err)
		}
		n, sum := 0, int64(0)
		for {
			got, err := m.next()
			if err != nil {
				break
			}
			if c.step > c.length && got != (Change{int64(n * c.step), int64(c.length), false}) {
				t.Fatalf("%+v: change %d is %+v", c, n, got)
			}
			sum += got.Length
			n++
		}
		if sum != int64(c.n*c.length) || c.step > c.length && n != c.n {
			t.Errorf("%+v: %d changes of %d bytes", c, n, sum)
		}
	}
}

// The ranges between the changes of a map are those that can be compared with the base.
func TestUnchanged(t *testing.T) {
	m, err := ParseMap(strings.NewReader("0 10\n20 5\n25 5\n1000 1"), 2000, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := m.Unchanged()
	if len(list) != 3 {
		t.Fatalf("%v", list)
	}
	for i, gap := range [][2]int64{{10, 20}, {30, 1000}, {1001, 2000}} {
		if r := list[i]; r.Offset < gap[0] || r.Length < 1 || r.Offset+r.Length > gap[1] {
			t.Errorf("range %+v in the gap %v", r, gap)
		}
	}
}

// Of what has not changed, most places are those where the newest file has something, as a base
// that is older lacks it. Ranges of zeros are known to be zero.
func TestUnchangedNewest(t *testing.T) {
	const text = `[{"start":0,"length":100,"depth":0},
{"start":100,"length":1000000,"depth":9},{"start":2000000,"length":1000000,"depth":9,"zero":true},
{"start":4000000,"length":10,"depth":3},{"start":4000010,"length":10,"depth":2},{"start":4000020,"length":10,"depth":3,"zero":true},
{"start":5000000,"length":1000000,"depth":9},{"start":8000000,"length":9000000,"depth":2}]`
	m, err := ParseMap(strings.NewReader(text), 8000005, 2)
	if err != nil {
		t.Fatal(err)
	}
	list := m.Unchanged()
	data, zeros := 0, 0
	for _, r := range list {
		in := func(from, to int64) bool { return r.Offset >= from && r.Length > 0 && r.Offset+r.Length <= to }
		switch {
		case !r.Zero && (in(4000010, 4000020) || in(8000000, 8000005)):
			data++
		case r.Zero && in(4000020, 4000030):
			zeros++
		case r.Zero || r.Length < 1 || r.Offset+r.Length > 8000005:
			t.Errorf("range %+v", r)
		}
	}
	if data != sampleCount/3 || zeros != sampleCount/3 || 3*(data+zeros) < len(list) {
		t.Errorf("%d places of data and %d of zeros in the newest file, of %d", data, zeros, len(list))
	}
	for i, r := range list[:data+zeros] {
		if r.Zero != (i >= data) {
			t.Errorf("range %d is %+v", i, r)
		}
	}
}

func FuzzParseMap(f *testing.F) {
	for _, s := range []string{"", qemuMap, nbdMap, "0 1\n0x10 5 # x\n", "[{", "[null]"} {
		f.Add(s, int64(1000000))
	}
	f.Fuzz(func(t *testing.T, text string, size int64) {
		list, err := parse(strings.NewReader(text), size, 0)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
		checkChanges(t, list, size)
	})
}

// checkChanges fails if the changes break a promise of Image.
func checkChanges(t *testing.T, list []Change, size int64) {
	t.Helper()
	end := int64(0)
	for _, c := range list {
		if c.Offset < end || c.Length <= 0 || c.Length > size-c.Offset {
			t.Fatalf("change %+v behind %d, in %d", c, end, size)
		}
		end = c.End()
	}
}
