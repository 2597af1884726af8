package hexz_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"hexz"
	"hexz/pkg/archive"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/salvage"
	"hexz/pkg/seal"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

var ctx = context.Background()

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Packs a stream and reads it at random.
func Example() {
	var file bytes.Buffer
	disk := strings.NewReader(strings.Repeat("hello ", 100_000))
	_, err := hexz.Pack(ctx, &file, []hexz.Input{hexz.Reader("disk", disk)}, hexz.PackOptions{})
	check(err)

	a, err := hexz.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), hexz.OpenOptions{})
	check(err)
	s, err := a.Stream("disk")
	check(err)
	p := make([]byte, 11)
	_, err = s.ReadAt(p, 600)
	check(err)
	fmt.Printf("%d bytes, %q\n", s.Size(), p)
	fmt.Println(a.Verify(ctx, hexz.Content))
	// Output:
	// 600000 bytes, "hello hello"
	// <nil>
}

// An archive has any number of streams, which share their chunks.
func ExamplePack() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "disk.img")
	check(os.WriteFile(image, []byte(strings.Repeat("block", 50_000)), 0o666))

	f, err := os.Open(image)
	check(err)
	defer f.Close()
	disk, err := hexz.File("disk", f)
	check(err)
	memory := hexz.Reader("memory", strings.NewReader("a dump"))

	out, err := os.Create(filepath.Join(dir, "vm.hxz"))
	check(err)
	defer out.Close()
	_, err = hexz.Pack(ctx, out, []hexz.Input{disk, memory}, hexz.PackOptions{Codec: "lz4"})
	check(err)

	a, err := hexz.OpenFile(out.Name(), hexz.OpenOptions{})
	check(err)
	defer a.Close()
	for _, name := range a.Names() {
		s, err := a.Stream(name)
		check(err)
		fmt.Println(name, s.Size())
	}
	// Output:
	// disk 250000
	// memory 6
}

// What takes an io.ReadSeeker or an io.ReaderAt reads a part of an archive.
func ExampleStream_Section() {
	var file bytes.Buffer
	text := "first line\nsecond line\n"
	_, err := hexz.Pack(ctx, &file, []hexz.Input{hexz.Reader("notes", strings.NewReader(text))}, hexz.PackOptions{})
	check(err)
	a, err := hexz.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), hexz.OpenOptions{})
	check(err)
	s, err := a.Stream("")
	check(err)
	r := s.Section()
	_, err = r.Seek(-12, io.SeekEnd)
	check(err)
	last, err := io.ReadAll(r)
	check(err)
	fmt.Printf("%s", last)
	// Output:
	// second line
}

// The next version has only what its parents do not have. They are found beside it.
func ExamplePack_versions() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	monday, tuesday := filepath.Join(dir, "monday.hxz"), filepath.Join(dir, "tuesday.hxz")
	content := make([]byte, 1_000_000)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	pack := func(path string, o hexz.PackOptions) int64 {
		out, err := os.Create(path)
		check(err)
		defer out.Close()
		_, err = hexz.Pack(ctx, out, []hexz.Input{hexz.Reader("disk", bytes.NewReader(content))}, o)
		check(err)
		info, err := out.Stat()
		check(err)
		return info.Size()
	}
	full := pack(monday, hexz.PackOptions{Codec: "none"})
	copy(content[500_000:], "changed")
	thin := pack(tuesday, hexz.PackOptions{Codec: "none", Parents: []string{monday}})
	fmt.Println(thin < full/2)

	a, err := hexz.OpenFile(tuesday, hexz.OpenOptions{})
	check(err)
	defer a.Close()
	s, err := a.Stream("disk")
	check(err)
	p := make([]byte, 7)
	_, err = s.ReadAt(p, 500_000)
	check(err)
	fmt.Printf("%s\n", p)
	// Output:
	// true
	// changed
}

// Archives are encrypted to keys of age or SSH, and whoever stores one can check it without a key.
func ExamplePack_encrypted() {
	key, err := age.GenerateX25519Identity()
	check(err)
	var file bytes.Buffer
	_, err = hexz.Pack(ctx, &file, []hexz.Input{hexz.Reader("disk", strings.NewReader("secret"))},
		hexz.PackOptions{Recipients: []age.Recipient{key.Recipient()}})
	check(err)

	_, err = hexz.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), hexz.OpenOptions{})
	fmt.Println(err)
	a, err := hexz.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), hexz.OpenOptions{Identities: []age.Identity{key}})
	check(err)
	s, err := a.Stream("disk")
	check(err)
	text, err := io.ReadAll(s.Section())
	check(err)
	fmt.Printf("%s\n", text)
	// Output:
	// the archive is encrypted (X25519), and no identity was given
	// secret
}

// A signature is of the id, and so of every byte.
func ExamplePack_signed() {
	public, secret, err := seal.GenerateKey()
	check(err)
	var file bytes.Buffer
	_, err = hexz.Pack(ctx, &file, []hexz.Input{hexz.Reader("disk", strings.NewReader("genuine"))},
		hexz.PackOptions{Sign: []seal.SecretKey{secret}})
	check(err)
	_, err = hexz.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), hexz.OpenOptions{SignedBy: []seal.PublicKey{public}})
	fmt.Println(err)
	// Output:
	// <nil>
}

// What is left of a damaged archive is a stream of frames, with holes where something is lost.
func Example_salvage() {
	var file bytes.Buffer
	text := strings.Repeat("0123456789abcdef", 1<<16)
	_, err := hexz.Pack(ctx, &file, []hexz.Input{hexz.Reader("disk", strings.NewReader(text))}, hexz.PackOptions{Codec: "none", Block: 64 << 10})
	check(err)
	damaged := file.Bytes()[:file.Len()-100] // its end, with the index, is gone

	var report *salvage.Report
	salvaging := func(ctx context.Context, dst io.Writer, src io.Reader) (err error) {
		_, report, err = salvage.Stream(ctx, dst, src, salvage.Options{})
		return err
	}
	var saved bytes.Buffer
	check(hexz.Pipeline(ctx, &saved, bytes.NewReader(damaged), salvaging, hexz.Seal(stage.SealOptions{}, nil)))
	a, err := hexz.Open(bytes.NewReader(saved.Bytes()), int64(saved.Len()), hexz.OpenOptions{})
	check(err)
	s, err := a.Stream("disk")
	check(err)
	got, err := io.ReadAll(s.Section())
	check(err)
	fmt.Println(report.Index, string(got) == text)
	// Output:
	// missing true
}

// A stage of one's own stands between the others: this one counts chunks by length.
func ExamplePipeline() {
	lengths := map[int64]int{}
	pass := func(ctx context.Context, out *flow.Writer, src io.Reader) error {
		for f, err := range flow.Frames(ctx, archive.NewScanner(src, nil), nil) {
			if err != nil {
				return err
			}
			if s, ok := f.(*stream.Segment); ok {
				for _, e := range s.Entries {
					if !e.Kind.IsRun() {
						lengths[e.Len]++
					}
				}
			}
			if err := out.Write(f); err != nil {
				return err
			}
		}
		return nil
	}
	count := func(ctx context.Context, dst io.Writer, src io.Reader) error {
		out := flow.NewWriter(dst, "count", nil)
		_, err := out.Finish(pass(ctx, out, src)) // an error ends the output, too
		return err
	}
	var file bytes.Buffer
	in := []hexz.Input{hexz.Reader("disk", strings.NewReader(strings.Repeat("x", 10_000)))}
	check(hexz.Pipeline(ctx, &file, nil,
		hexz.Chunk(in, stage.ChunkOptions{Chunker: chunker.Options{Name: chunker.FixedV1, Size: 4096}}), count, hexz.Dedup(stage.DedupOptions{}), hexz.Seal(stage.SealOptions{}, nil)))
	fmt.Println(lengths)
	// Output:
	// map[1808:1 4096:2]
}
