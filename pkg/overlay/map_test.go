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
		{`[{"start":999999,"length":5000,"depth":1}]`, nil}, // behind the end, but not changed
		{"0 512\n  1024\t0x200  # hex\r\n\n0X800 1", []Change{{0, 512, false}, {1024, 512, false}, {2048, 1, false}}},
		{"0 1\n1 1\n2 1", []Change{{0, 3, false}}},
		{"999999 1\n1000000 0", []Change{{999999, 1, false}}},
	} {
		got, err := ParseMap(iotest.OneByteReader(strings.NewReader(c.text)), size)
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
		{`[{"start":0,"length":1,"depth":0}][]`, "behind the map"},
		{`[{"offset":0,"length":1,"type":3,"description":"hole,zero"}]`, "dirty bitmap"},
		{`[{"offset":0,"length":1,"type":0,"description":"data"}]`, "dirty bitmap"},
		{`[{"offset":0,"length":1,"type":-1}]`, "dirty bitmap"},
		{`[{"start":0,"length":1,"depth":0,"x":"` + strings.Repeat("x", 2*maxElement) + `"}]`, "more than"},
		{"[" + strings.Repeat("[", 1<<20), "element 1"},
	} {
		got, err := ParseMap(strings.NewReader(c[0]), size)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%.60q: %d changes, %v", c[0], len(got), err)
		}
	}
	for _, text := range []string{"0 1\n2 3\n", nbdMap} {
		for n := range len(text) {
			if _, err := ParseMap(io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(io.ErrClosedPipe)), size); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("read error after %d bytes of %q: %v", n, text, err)
			}
		}
	}
}

// A map of too many ranges is refused; many that touch are one.
func TestParseHugeMap(t *testing.T) {
	for step, ok := range map[int]bool{1: true, 2: false} {
		r, w := io.Pipe()
		go func() {
			b := bufio.NewWriterSize(w, 1<<20)
			for i := range maxChanges + 1 {
				fmt.Fprintln(b, i*step, 1) // fails once the reader has given up
			}
			b.Flush()
			w.Close()
		}()
		got, err := ParseMap(r, math.MaxInt64)
		r.Close()
		if (err == nil) != ok || ok && len(got) != 1 {
			t.Errorf("step %d: %d changes, %v", step, len(got), err)
		}
	}
}

func FuzzParseMap(f *testing.F) {
	for _, s := range []string{"", qemuMap, nbdMap, "0 1\n0x10 5 # x\n", "[{", "[null]"} {
		f.Add(s, int64(1000000))
	}
	f.Fuzz(func(t *testing.T, text string, size int64) {
		list, err := ParseMap(strings.NewReader(text), size)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
		checkChanges(t, list, size)
	})
}

// checkChanges holds changes to what Image promises.
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
