package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// qemu runs the programs of QEMU in a directory of its own.
type qemu struct {
	t   *testing.T
	dir string
}

func newQemu(t *testing.T) *qemu {
	for _, name := range []string{"qemu-img", "qemu-io"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("no " + name)
		}
	}
	return &qemu{t, t.TempDir()}
}

func (q *qemu) path(name string) string { return filepath.Join(q.dir, name) }

func (q *qemu) run(name string, args ...string) {
	q.t.Helper()
	cmd := exec.CommandContext(q.t.Context(), name, args...)
	cmd.Dir = q.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		q.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// guest returns the content that a guest sees of a file, according to qemu-img.
func (q *qemu) guest(name string) []byte {
	q.t.Helper()
	q.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", name, "want.raw")
	p, err := os.ReadFile(q.path("want.raw"))
	if err != nil {
		q.t.Fatal(err)
	}
	return p
}

// chain opens a file and all files below it.
func (q *qemu) chain(name string, o ChainOptions) (*Chain, error) {
	q.t.Helper()
	f, err := os.Open(q.path(name))
	if err != nil {
		q.t.Fatal(err)
	}
	q.t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		q.t.Fatal(err)
	}
	if o.Open == nil {
		o.Open = os.Open
	}
	c, err := OpenChain(f, info.Size(), o)
	if err == nil {
		q.t.Cleanup(c.Close)
	}
	return c, err
}

// raw makes a raw image of noise and holes.
func (q *qemu) raw(rng *rand.Rand, name string, size int) []byte {
	p := make([]byte, size)
	f, err := os.Create(q.path(name))
	if err != nil {
		q.t.Fatal(err)
	}
	defer f.Close()
	for range 6 {
		at := rng.IntN(size)
		part := p[at : at+rng.IntN(min(size-at, 400<<10)+1)]
		for i := range part {
			part[i] = byte(rng.Uint32())
		}
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			q.t.Fatal(err)
		}
	}
	if err := f.Truncate(int64(size)); err != nil {
		q.t.Fatal(err)
	}
	return p
}

// content returns all bytes of an image. It does not read holes and zeros.
func content(t *testing.T, c Content) []byte {
	t.Helper()
	p := bytes.Repeat([]byte{0xee}, int(c.Size()))
	for at := int64(0); at < c.Size(); {
		end, kind, err := c.Extent(at)
		if err != nil || end <= at || end > c.Size() {
			t.Fatalf("extent at %d ends at %d: %v", at, end, err)
		}
		if kind != Data {
			clear(p[at:end])
		} else if n, err := c.ReadAt(p[at:end], at); n < int(end-at) {
			t.Fatal(err)
		}
		at = end
	}
	q := make([]byte, c.Size())
	if n, err := c.ReadAt(q, 0); n < len(q) && !errors.Is(err, io.EOF) || !bytes.Equal(p, q) {
		t.Fatalf("read at once: %v, other bytes than by extents", err)
	}
	return p
}

// Chains have two to four files, of all kinds of qcow2 and of sizes that grow and shrink. They read
// as in qemu-img: as a whole, and as changes that any number of layers make to the layers below.
func TestChainsOfQemu(t *testing.T) {
	options := []string{"cluster_size=512", "cluster_size=4k", "cluster_size=64k", "cluster_size=2M", "compat=0.10",
		"compression_type=zstd", "extended_l2=on", "extended_l2=on,cluster_size=16k", "extended_l2=on,cluster_size=1M,compression_type=zstd"}
	for seed := range uint64(len(options)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			q := newQemu(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			size := 3<<20 + rng.IntN(2<<20)
			if seed%2 == 1 {
				size &^= 511
			}
			q.raw(rng, "0", size)
			files := 1 + rng.IntN(3)
			for n := 1; n <= files; n++ {
				name, below, format := fmt.Sprint(n), fmt.Sprint(n-1), "qcow2"
				if n == 1 {
					format = "raw"
				}
				o := options[(int(seed)+3*(n-1))%len(options)]
				layer := size + rng.IntN(3)*rng.IntN(1<<20) - rng.IntN(2)*rng.IntN(1<<20)
				q.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", o, "-b", below, "-F", format, name, fmt.Sprint(layer&^511))
				var commands []string
				for range 3 + rng.IntN(12) {
					at := rng.IntN(layer-1) &^ 511
					length := min(1+rng.IntN(200<<10), layer&^511-at)
					if rng.IntN(2) == 0 {
						length = min(512*(1+rng.IntN(9)), layer&^511-at)
					}
					verbs := []string{"write -P 7", "write -P 9", "write -P 0", "write -z", "write -z -u", "discard"}
					if strings.Contains(o, "compat") {
						verbs = verbs[:3]
					}
					commands = append(commands, "-c", fmt.Sprintf("%s %d %d", verbs[rng.IntN(len(verbs))], at, length))
				}
				if o == "cluster_size=64k" || o == "compression_type=zstd" {
					commands = append(commands, "-c", fmt.Sprintf("write -c -P 5 %d 64k", rng.IntN(20)<<16))
				}
				q.run("qemu-io", append(append([]string{"-f", "qcow2"}, commands...), name)...)
			}
			top := fmt.Sprint(files)
			want := q.guest(top)
			c, err := q.chain(top, ChainOptions{})
			if err != nil || c.Broken() != nil || len(c.Files()) != files+1 {
				t.Fatalf("%v, %v, %v", c, err, c.Broken())
			}
			whole, err := c.Content(0)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, whole); !bytes.Equal(got, want) {
				t.Fatalf("other bytes than qemu-img convert has")
			}
			for n := 1; n <= files; n++ {
				img, _, err := c.Changes(n)
				if err != nil {
					t.Fatal(err)
				}
				below, err := c.Content(n)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(want))
				copy(got, content(t, below))
				list, p, err := all(img)
				if err != nil {
					t.Fatal(err)
				}
				checkChanges(t, list, img.Size())
				for _, ch := range list {
					copy(got[ch.Offset:ch.End()], p[ch.Offset:ch.End()])
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%d layers of %d: other bytes", n, files)
				}
				ranges, err := below.Samples()
				if err != nil || len(ranges) < sampleCount/3 {
					t.Errorf("%d samples, %v", len(ranges), err)
				}
				for _, r := range ranges {
					if r.Offset < 0 || r.Length < 1 || r.Length > below.Size()-r.Offset {
						t.Errorf("sample %+v of %d bytes", r, below.Size())
					}
				}
			}
			if _, _, err := c.Changes(0); (files > 1) != errors.Is(err, ErrChain) {
				t.Errorf("no number of layers, %d files above the raw one: %v", files, err)
			}
			if _, n, err := c.Changes(-1); n != files || err != nil {
				t.Errorf("all layers: %d, %v", n, err)
			}
			if _, _, err := c.Changes(files + 1); !errors.Is(err, ErrInvalid) {
				t.Errorf("more layers than there are: %v", err)
			}
		})
	}
}

// A compressed image, as backup tools make them.
func TestCompressedByQemu(t *testing.T) {
	for _, o := range []string{"compression_type=zlib", "compression_type=zstd", "cluster_size=2M", "cluster_size=512"} {
		q := newQemu(t)
		want := q.raw(rand.New(rand.NewPCG(5, 5)), "0", 4<<20)
		copy(want[100000:], bytes.Repeat([]byte("it is dull "), 100000))
		if err := os.WriteFile(q.path("0"), want, 0o666); err != nil {
			t.Fatal(err)
		}
		q.run("qemu-img", "convert", "-c", "-O", "qcow2", "-o", o, "-f", "raw", "0", "1")
		c, err := q.chain("1", ChainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := c.Content(0)
		if err != nil || !bytes.Equal(content(t, whole), want) {
			t.Errorf("%s: other bytes, %v", o, err)
		}
		if _, _, err := c.Changes(0); !errors.Is(err, errWhole) {
			t.Errorf("a whole image as changes: %v", err)
		}
	}
}

// Backing files are found as qemu-img finds them. Names that are no files are not followed.
func TestBackingFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, p []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, p, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	over := func(name, format string) []byte {
		return made(func(h *header) { h.name, h.format = name, format }, []uint64{4096}, bytes.Repeat([]byte{7}, 512))
	}
	disk := write("disk", bytes.Repeat([]byte("raw."), 5000))
	write("lower/disk", bytes.Repeat([]byte("low."), 5000))
	write("lower/middle", over("disk", "raw"))
	write("a:b", []byte("a file with a name like that of a protocol"))
	write("evil", over("/etc/passwd", "raw")) // a raw disk: its guest made it look so
	write("self", over("self", "qcow2"))
	write("vmdk", []byte("KDMV"))
	for name, c := range map[string]struct {
		backing, format, option string
		files                   int
		err                     string
		guessed                 bool
	}{
		"relative":              {"disk", "raw", "", 2, "", false},
		"absolute":              {disk, "raw", "", 2, "", false},
		"relative to the lower": {"lower/middle", "qcow2", "", 3, "", false},
		"colon in a directory":  {"./a:b", "raw", "", 2, "", false},
		"format not told":       {"disk", "", "", 2, "", true},
		"format by an option":   {"disk", "", "raw", 2, "", false},
		"told before an option": {"disk", "raw", "qcow2", 2, "", false},
		"raw, and looks else":   {"evil", "raw", "", 2, "", false},
		"made to look like it":  {"evil", "", "", 1, "format of a backing file is not given, and it begins as a qcow2 file", false},
		"that is the will":      {"evil", "", "qcow2", 3, "", false},
		"another format":        {"disk", "vmdk", "", 1, `format "vmdk"`, false},
		"another one, not told": {"vmdk", "", "", 1, "begins as a VMDK file", false},
		"json":                  {`json:{"driver":"null-co"}`, "raw", "", 1, "protocol", false},
		"nbd":                   {"nbd://host/disk", "raw", "", 1, "protocol", false},
		"like a protocol":       {"a:b", "raw", "", 1, "protocol", false},
		"missing":               {"nowhere", "raw", "", 1, "no such file", false},
		"a directory":           {"lower", "raw", "", 1, "neither a regular file", false},
		"a terminal":            {"/dev/null", "raw", "", 1, "neither a regular file", false},
		"itself":                {"top", "qcow2", "", 1, "circle", false},
		"a circle below":        {"self", "qcow2", "", 2, "circle", false},
		"no qcow2 file":         {"disk", "qcow2", "", 1, "not a qcow2 file", false},
	} {
		write("top", over(c.backing, c.format))
		q := &qemu{t, dir}
		chain, err := q.chain("top", ChainOptions{BackingFormat: c.option})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		broken := fmt.Sprint(chain.Broken())
		if len(chain.Files()) != c.files || (c.err == "") != (chain.Broken() == nil) || !strings.Contains(broken, c.err) ||
			(len(chain.Guessed) > 0) != c.guessed {
			t.Errorf("%s: files %q, guessed %q, %s", name, chain.Files(), chain.Guessed, broken)
		}
		if _, err := chain.Content(0); (err == nil) != (c.err == "") {
			t.Errorf("%s: content: %v", name, err)
		}
		if c.err == "" && c.files == 2 {
			whole, _ := chain.Content(0)
			want, _ := os.ReadFile(chain.Files()[1])
			if got := content(t, whole); len(want) > 512 && !bytes.Equal(got[512:len(want)], want[512:]) {
				t.Errorf("%s: other bytes", name)
			}
		}
	}
	// A file of unknown format may be a chain, so it is not taken for a single overlay.
	write("top", over("evil", ""))
	c, err := (&qemu{t, dir}).chain("top", ChainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Changes(0); !errors.Is(err, ErrFormat) {
		t.Errorf("changes on a file of unknown format: %v", err)
	}
	if _, n, err := c.Changes(1); err != nil || n != 1 {
		t.Errorf("the first layer alone: %v", err)
	}
}

// Subclusters that contradict themselves are damage.
func TestSubclusters(t *testing.T) {
	data := make([]byte, 1<<14)
	for name, sub := range map[string]uint64{"both there and zero": 1 | 1<<32, "there, and the cluster is not": 2} {
		p := made(func(h *header) {
			h.bits, h.size, h.incompatible, h.l1, h.l2 = 14, 1<<20, incompatL2, 3000, 1<<14
		}, nil, nil)
		p = append(p, make([]byte, 1<<16)...)
		p[3000+6] = 0x40 // the L1 entry: the table at 1<<14
		l2 := p[1<<14:]
		if sub&1 != 0 {
			l2[6] = 0x80 // data at 1<<15
		}
		for i := range 8 {
			l2[8+i] = byte(sub >> (56 - 8*i))
		}
		img, err := open(slices.Concat(p, data))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := all(img); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
