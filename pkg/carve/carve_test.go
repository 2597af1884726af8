package carve

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"filippo.io/age"

	"hexz/internal/hostiletest"
	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// salvaged returns the chunks that a Carver hands out of p: of each stream, by offset.
func salvaged(t testing.TB, p []byte, ids ...age.Identity) (map[int64]map[int64][]byte, *Carver) {
	t.Helper()
	s, err := Open(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 1, Identities: keys.Opener(ids...)})
	if err != nil {
		return nil, nil
	}
	found := map[int64]map[int64][]byte{}
	at := s.body
	for {
		f, err := s.Next()
		if err == io.EOF {
			return found, s
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Pos < at || f.Len <= 0 || f.Pos+f.Len > int64(len(p)) {
			t.Fatalf("bytes %d to %d were found behind byte %d", f.Pos, f.Pos+f.Len, at)
		}
		at = f.Pos + f.Len
		seg, ok := f.Frame.(*stream.Segment)
		if !ok {
			continue
		}
		if found[seg.Stream] == nil {
			found[seg.Stream] = map[int64][]byte{}
		}
		c, off, from := s.Check(f), seg.Offset, 0
		for i := range seg.Entries {
			n := seg.Entries[i].PayloadLen()
			if seg.Entries[i].Kind == stream.Data && (c.Good == nil || c.Good[i]) {
				chunk := c.Raw[from : from+n]
				if blake.Sum(chunk) != seg.Entries[i].Hash {
					t.Fatalf("the chunk at offset %d is good, and does not have its hash", off)
				}
				found[seg.Stream][off] = chunk
			}
			from += n
			off += seg.Entries[i].Len
		}
	}
}

// packed returns an archive of content in segments of n bytes, and where the segments begin.
func packed(content []byte, n int, codec string) (p []byte, segments []int64) {
	b := hostiletest.New()
	b.Open(0, "disk")
	for at := 0; at < len(content); at += n {
		segments = append(segments, int64(len(b.Out)))
		chunk := content[at:min(at+n, len(content))]
		b.Add(codec, chunk, hostiletest.Data(chunk))
	}
	b.Close()
	b.End()
	return b.Seal(), segments
}

// text returns n bytes that compress, different for each seed.
func text(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	words := []string{"chunk ", "segment ", "frame ", "archive ", "root ", "\n", "0123456789"}
	var p []byte
	for len(p) < n {
		p = append(p, words[rng.IntN(len(words))]...)
	}
	return p[:n]
}

// The content is an archive itself. Where the outer archive is damaged, and has no index, frames of
// the inner archive look like its frames. Whatever is damaged, no inner frame may be handed out.
func TestSalvageNested(t *testing.T) {
	// The offsets of inner run ahead of those of the outer archive.
	inner, _ := packed(text(0, 60*900), 900, "zstd")
	plain, _ := packed(text(1000, 8000), 150, "none")
	for name, content := range map[string][]byte{
		"compressed":    inner,
		"behind others": append(text(2000, 5000), inner...),
		"uncompressed":  plain,
		"twice":         append(bytes.Clone(inner), inner...),
	} {
		for _, size := range []int{700, 2500, 6000} {
			p, segments := packed(content, size, "none")
			p = p[:len(p)-index.TrailerSize]
			for i, at := range segments {
				for _, n := range []int{3, 60, 400} {
					bad := bytes.Clone(p)
					clear(bad[at:min(int(at)+n, len(bad))])
					found, s := salvaged(t, bad)
					if s == nil {
						t.Fatalf("%s: nothing was found", name)
					}
					for off, chunk := range found[0] {
						if off+int64(len(chunk)) > int64(len(content)) || !bytes.Equal(chunk, content[off:][:len(chunk)]) {
							t.Fatalf("%s, segments of %d bytes, %d bytes of segment %d are gone: what came out at offset %d is not what was there", name, size, n, i, off)
						}
					}
					// Near the end, the few segments after the damage might be inner ones, so none
					// of them is taken.
					if lost := len(segments) - len(found[0]); lost > 1 && i < len(segments)-4 {
						t.Errorf("%s, segments of %d bytes, %d bytes of segment %d are gone: %d of %d segments are lost", name, size, n, i, lost, len(segments))
					}
				}
			}
		}
	}
}

// An image holds an archive of its own past: header and first segments of both archives are the
// same. The file is cut within a segment whose head is damaged, so nothing after it contradicts what
// stands in its payload.
func TestSalvageOwnPast(t *testing.T) {
	const size, same = 2000, 3
	build := func(content []byte, compressed int) (p []byte, segments []int64) {
		b := hostiletest.New()
		b.Open(0, "disk")
		for at := 0; at < len(content); at += size {
			segments = append(segments, int64(len(b.Out)))
			chunk, name := content[at:min(at+size, len(content))], "none"
			if at < compressed*size {
				name = "zstd"
			}
			b.Add(name, chunk, hostiletest.Data(chunk))
		}
		return b.Out, segments
	}
	disk := text(3, 60*size)
	past, starts := build(disk, 60)
	content := append(bytes.Clone(disk[:same*size]), past...)
	p, segments := build(content, same)
	if n := starts[same]; !bytes.Equal(p[:n], past[:n]) {
		t.Fatalf("the first %d bytes differ", n)
	}
	for i, at := range segments[:len(segments)-1] {
		bad := bytes.Clone(p[:segments[i+1]-20])
		clear(bad[at : at+60])
		found, _ := salvaged(t, bad)
		for off, chunk := range found[0] {
			if off+int64(len(chunk)) > int64(len(content)) || !bytes.Equal(chunk, content[off:][:len(chunk)]) {
				t.Errorf("cut in segment %d: what came out at offset %d is of the past", i, off)
			}
		}
	}
}

// The work on bytes that only look like frames is bounded.
func TestSalvageHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("tries everything there is")
	}
	lying := wire.NewWriter() // a segment whose payload is the bytes after it, and has another hash
	const size = 4 << 20
	head := func() []byte {
		lying.Reset()
		s := &stream.Segment{Codec: stream.RawCodec, RawLen: 1 << 20, Entries: []stream.Entry{{Len: 1 << 20}}}
		s.Announce(1 << 20)
		stream.Append(lying, s)
		return lying.Written()
	}()
	long := wire.NewWriter() // a segment with more entries than there are bytes
	for _, v := range []int{7, 3, 0, 0} {
		if v == 7 {
			long.Array(7)
		} else {
			long.Int(int64(v))
		}
	}
	long.Array(stream.MaxEntries)
	run := wire.NewWriter() // segments with runs only, which prove nothing
	stream.Append(run, &stream.Segment{Codec: stream.RawCodec, Entries: []stream.Entry{{Kind: stream.Hole, Len: 5}}})
	for name, unit := range map[string][]byte{
		"lying lengths": head, "entries without end": long.Written(), "runs": run.Written(),
		"heads": {0x97, 3}, "opens": {0x95, 2, 0}, "dictionaries": {0x93, 4, 1, 0xc6, 0, 0xf, 0xff, 0xff},
	} {
		p := bytes.Repeat(unit, size/len(unit))
		s, err := newCarver(bytes.NewReader(p), int64(len(p)), archive.Options{Threads: 1})
		if err == nil {
			err = s.open(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.survey()
		if s.choose(); len(s.fragments) > 0 {
			t.Errorf("%s: %d fragments were found", name, len(s.fragments))
		}
		if limit := int64(firstBudget + perByte*size + 2*index.MaxFrame); s.spent > limit {
			t.Errorf("%s: %d bytes were looked at, the limit is %d", name, s.spent, limit)
		}
	}
}

func FuzzSalvage(f *testing.F) {
	sound := hostiletest.Sound().Seal()
	f.Add(sound)
	f.Add(sound[:len(sound)/2])
	f.Add(sound[100:])
	f.Add(append(bytes.Clone(sound[:300]), sound[350:]...))
	nested, _ := packed(sound, 300, "none")
	f.Add(nested[:len(nested)-index.TrailerSize])
	f.Fuzz(func(t *testing.T, p []byte) { salvaged(t, p) })
}
