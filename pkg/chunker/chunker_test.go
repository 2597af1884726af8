package chunker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"lukechampine.com/blake3"
)

// source is the input of the golden files: 8 MiB of the BLAKE3 extendable output for the empty
// message. Parts of it are overwritten by text, by runs of zeros, and by a copy.
func source() []byte {
	p := make([]byte, 8<<20)
	blake3.New(32, nil).XOF().Read(p)
	text := []byte("all work and no play makes a dull archive\n")
	for i := 1 << 20; i < 2<<20; i++ {
		p[i] = text[i%len(text)]
	}
	clear(p[3<<20 : 3<<20+10000])
	clear(p[4<<20 : 4<<20+ZeroRun])
	clear(p[4<<20+20000 : 4<<20+20000+ZeroRun-1])
	clear(p[5<<20+123 : 6<<20])
	copy(p[7<<20:], p[1<<19:1<<20])
	return p
}

// pieces returns the pieces that a splitter makes of r. The content of r is p.
func pieces(t testing.TB, o Options, r io.Reader, p []byte) []Piece {
	t.Helper()
	return piecesOf(t, o, 1, r, p)
}

func piecesOf(t testing.TB, o Options, workers int, r io.Reader, p []byte) []Piece {
	t.Helper()
	s, err := NewSplitter(o, workers)
	if err != nil {
		t.Fatal(err)
	}
	s.Start(r, 0, Edges{})
	var all []Piece
	var b Batch
	for {
		err := s.Next(b.Reset())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data := b.Data
		for _, piece := range b.Pieces {
			part := p[:piece.Len]
			p = p[piece.Len:]
			if piece.Zero {
				if TrailingZeros(part) != len(part) {
					t.Fatal("a zero run holds other bytes")
				}
				continue
			}
			if !bytes.Equal(part, data[:piece.Len]) {
				t.Fatal("a chunk has not the bytes of the input")
			}
			data = data[piece.Len:]
		}
		if len(data) != 0 {
			t.Fatalf("batch has %d bytes without a piece", len(data))
		}
		all = append(all, b.Pieces...)
	}
	if len(p) != 0 {
		t.Fatalf("%d bytes were lost", len(p))
	}
	return all
}

// naive cuts p as the documentation describes, in the most direct way.
func naive(o Options, p []byte) []Piece {
	o, _ = o.fill()
	var raw [2048]byte
	blake3.DeriveKey(raw[:], "hexz fastcdc-v1 gear table", nil)
	gear := func(b byte) uint64 { return binary.LittleEndian.Uint64(raw[8*int(b):]) }
	cut := func(p []byte, off int) int {
		if o.Name == FixedV1 {
			return min(len(p), o.Size-off%o.Size)
		}
		for n := o.Min; n < min(len(p), o.Max); n++ {
			var h uint64
			for j := range 64 {
				h += gear(p[n-1-j]) << j
			}
			if n <= o.Avg && h < (1<<64-1)/uint64(4*o.Avg) || n > o.Avg && h < (1<<64-1)/uint64(o.Avg/4) {
				return n
			}
		}
		return min(len(p), o.Max)
	}
	var all []Piece
	for pos := 0; pos < len(p); {
		if n := LeadingZeros(p[pos:]); n >= ZeroRun {
			all = append(all, Piece{Len: int64(n), Zero: true})
			pos += n
			continue
		}
		end := len(p)
		if i := bytes.Index(p[pos:], make([]byte, ZeroRun)); i >= 0 {
			end = pos + i
		}
		for pos < end {
			n := cut(p[pos:end], pos)
			all = append(all, Piece{Len: int64(n), Zero: false})
			pos += n
		}
	}
	return all
}

func equal(a, b []Piece) bool { return slices.Equal(a, b) }

func TestCutsAsDocumented(t *testing.T) {
	src := source()
	for _, tt := range []struct {
		name string
		o    Options
		p    []byte
	}{
		{"fastcdc", Options{}, src[3<<20 : 6<<20+5000]},
		{"fastcdc small", Options{Min: 64, Avg: 256, Max: 1000}, src[1<<19 : 3<<18]},
		{"fastcdc odd sizes", Options{Min: 777, Avg: 3001, Max: 30011}, src[5<<19 : 7<<19]},
		{"fastcdc only avg", Options{Avg: 1 << 10}, src[:1<<18]},
		{"fixed", Options{Name: FixedV1}, src},
		{"fixed odd", Options{Name: FixedV1, Size: 1000}, src[3<<20 : 6<<20]},
		{"empty", Options{}, nil},
		{"one byte", Options{}, src[:1]},
		{"one zero", Options{}, make([]byte, 1)},
		{"zeros", Options{}, make([]byte, 3<<20)},
		{"zeros short of a run", Options{}, make([]byte, ZeroRun-1)},
		{"zeros at both ends", Options{}, slicesConcat(make([]byte, ZeroRun), src[:100], make([]byte, ZeroRun+1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := naive(tt.o, tt.p)
			if got := pieces(t, tt.o, bytes.NewReader(tt.p), tt.p); !equal(got, want) {
				t.Errorf("got  %.300v\nwant %.300v", fmt.Sprint(got), fmt.Sprint(want))
			}
		})
	}
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Zero runs of every length around the limits of one step of the search.
func TestZeroRunsAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		p := make([]byte, rng.IntN(40000))
		for j := range p {
			p[j] = byte(1 + rng.IntN(255))
		}
		for range rng.IntN(6) {
			if len(p) == 0 {
				break
			}
			at := rng.IntN(len(p))
			clear(p[at:min(len(p), at+ZeroRun-3+rng.IntN(6))])
		}
		o := Options{Name: FixedV1, Size: 512}
		if got, want := pieces(t, o, bytes.NewReader(p), p), naive(o, p); !equal(got, want) {
			t.Fatalf("case %d: got %v, want %v", i, got, want)
		}
	}
}

// The choice of zeros that are a hole must not change the cut points.
func TestHolesDoNotMoveCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		p := make([]byte, 20000+rng.IntN(200000))
		for at := 0; at < len(p); { // data and zeros in turn
			n := min(len(p)-at, 1+rng.IntN(30000))
			if rng.IntN(2) == 0 {
				rand.NewChaCha8([32]byte{byte(i)}).Read(p[at : at+n])
			}
			at += n
		}
		var want, got []Piece
		merge := func(list []Piece, more ...Piece) []Piece {
			for _, m := range more {
				if last := len(list) - 1; last >= 0 && list[last].Zero && m.Zero {
					list[last].Len += m.Len
				} else {
					list = append(list, m)
				}
			}
			return list
		}
		want = merge(nil, pieces(t, Options{}, bytes.NewReader(p), p)...)

		// The same with holes at random places within the long zero runs.
		s, _ := NewSplitter(Options{}, 1)
		before := false
		for at := 0; at < len(p); {
			hole := len(p) // start of the next hole
			size := 0
			for q := at; q < len(p); q++ {
				if n := LeadingZeros(p[q:]); n >= ZeroRun && rng.IntN(2) == 0 {
					skip := rng.IntN(n - ZeroRun + 1)
					hole, size = q+skip, ZeroRun+rng.IntN(n-skip-ZeroRun+1)
					break
				} else {
					q += n
				}
			}
			s.Start(bytes.NewReader(p[at:hole]), int64(at), Edges{before, size > 0})
			var b Batch
			for s.Next(b.Reset()) == nil {
				got = merge(got, b.Pieces...)
			}
			if size > 0 {
				got = merge(got, Piece{Len: int64(size), Zero: true})
			}
			at, before = hole+size, size > 0
		}
		if !equal(got, want) {
			t.Fatalf("case %d: got %v, want %v", i, got, want)
		}
	}
}

// dribble delivers a random number of bytes a call.
type dribble struct {
	r   io.Reader
	rng *rand.Rand
}

func (d dribble) Read(p []byte) (int, error) {
	return d.r.Read(p[:min(len(p), 1+d.rng.IntN(70000))])
}

func TestReadSizesDoNotMatter(t *testing.T) {
	src := source()[3<<20 : 6<<20]
	want := pieces(t, Options{}, bytes.NewReader(src), src)
	for name, r := range map[string]io.Reader{
		"one byte": iotest.OneByteReader(bytes.NewReader(src)),
		"half":     iotest.HalfReader(bytes.NewReader(src)),
		"eof with": iotest.DataErrReader(bytes.NewReader(src)),
		"dribble":  dribble{bytes.NewReader(src), rand.New(rand.NewPCG(3, 4))},
	} {
		if got := pieces(t, Options{}, r, src); !equal(got, want) {
			t.Errorf("%s: other cut points", name)
		}
	}
}

func TestReadErrorIsReturned(t *testing.T) {
	boom := errors.New("boom")
	for _, workers := range []int{1, 4} {
		s, _ := NewSplitter(Options{}, workers)
		s.Start(io.MultiReader(bytes.NewReader(source()[:3<<20+7]), iotest.ErrReader(boom)), 0, Edges{})
		var b Batch
		var err error
		for err == nil {
			err = s.Next(b.Reset())
		}
		if err != boom || s.Read() != 3<<20+7 {
			t.Errorf("%d workers: got %v after %d bytes, want %v", workers, err, s.Read(), boom)
		}
	}
}

// A change must only alter the cut points near the change: that is what content-defined means.
func TestBoundariesMeetAgain(t *testing.T) {
	src := source()[2<<20 : 3<<20]
	changed := slicesConcat(src[:1000], []byte("inserted"), src[1000:])
	a := pieces(t, Options{}, bytes.NewReader(src), src)
	b := pieces(t, Options{}, bytes.NewReader(changed), changed)
	if len(a) < 20 || !equal(a[4:], b[len(b)-len(a)+4:]) {
		t.Errorf("boundaries did not meet again within four chunks:\n%v\n%v", a, b)
	}
}

func TestGolden(t *testing.T) {
	src := source()
	for name, o := range map[string]Options{
		"fastcdc-v1-default": {},
		"fastcdc-v1-1k":      {Min: 256, Avg: 1024, Max: 8192},
		"fastcdc-v1-keyed":   {Key: testKey},
		"fixed-v1-4k":        {Name: FixedV1, Size: 4096},
	} {
		var got strings.Builder
		fmt.Fprintf(&got, "# kind, length, first 8 bytes of BLAKE3; source of %d bytes: BLAKE3 %x\n", len(src), first8(src))
		p := src
		for _, piece := range pieces(t, o, bytes.NewReader(src), src) {
			kind := "data"
			if piece.Zero {
				kind = "zero"
			}
			fmt.Fprintf(&got, "%s %d %x\n", kind, piece.Len, first8(p[:piece.Len]))
			p = p[piece.Len:]
		}
		checkGolden(t, "testdata/"+name+".txt", got.String())
	}
}

func TestGoldenGear(t *testing.T) {
	var got strings.Builder
	for _, g := range newGear(nil) {
		fmt.Fprintf(&got, "%016x\n", g)
	}
	checkGolden(t, "testdata/gear-v1.txt", got.String())
}

func first8(p []byte) []byte {
	h := blake3.Sum256(p)
	return h[:8]
}

// checkGolden compares with a file. A missing file is made if HEXZ_NEW_GOLDEN is set. The files must
// never change.
func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("HEXZ_NEW_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	w, g := bufio.NewScanner(bytes.NewReader(want)), bufio.NewScanner(strings.NewReader(got))
	for line := 1; ; line++ {
		more, moreGot := w.Scan(), g.Scan()
		if w.Text() != g.Text() || more != moreGot {
			t.Fatalf("%s:%d: got %q, want %q", file, line, g.Text(), w.Text())
		}
		if !more {
			return
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{Name: "rabin"},
		{Name: FixedV1, Size: 63},
		{Name: FixedV1, Size: MaxSize + 1},
		{Min: 63, Avg: 100, Max: 1000},
		{Min: 200, Avg: 100, Max: 1000},
		{Min: 64, Avg: 100, Max: 99},
		{Min: 64, Avg: 100, Max: MaxSize + 1},
		{Avg: -1},
		{Key: []byte{}},
		{Key: make([]byte, KeySize-1)},
		{Key: make([]byte, KeySize+1)},
		{Name: FixedV1, Key: make([]byte, KeySize)},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	random := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	for _, bm := range []struct {
		name string
		o    Options
		p    []byte
	}{
		{"fastcdc/random", Options{}, random},
		{"fastcdc/zeros", Options{}, make([]byte, 64<<20)},
		{"fixed/random", Options{Name: FixedV1}, random},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(bm.p)))
			s, _ := NewSplitter(bm.o, 1)
			var batch Batch
			for b.Loop() {
				s.Start(bytes.NewReader(bm.p), 0, Edges{})
				for s.Next(batch.Reset()) == nil {
				}
			}
		})
	}
}
