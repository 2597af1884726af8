package vectors

import (
	"bytes"

	"hexz/internal/hostiletest"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/overlay"
	"hexz/pkg/stream"
)

// ends makes archives with something behind their first trailer, and archives that are cut.
func (m *maker) ends() {
	first, both := m.made["signed.hxz"], m.made["signed-twice.hxz"]
	add := func(name, about, verdict string, p []byte) {
		r := row{File: name, About: about, Verdict: verdict}
		if verdict == "torn" {
			r.SignedBy = []string{"sign-a.pub"}
		}
		m.add(r, p, m.inputs["signed.hxz"]...)
	}
	page := make([]byte, 4096-len(first)%4096)
	add("torn-signature.hxz", "signed.hxz, and an append that is cut in its signature", "torn", both[:len(first)+100])
	add("torn-trailer.hxz", "signed.hxz, and an append that is cut in its trailer", "torn", both[:len(both)-1])
	add("torn-zeros.hxz", "signed.hxz, and zeros up to the end of the page of 4096 bytes", "torn", append(bytes.Clone(first), page...))
	add("tail-byte.hxz", "signed.hxz, and a byte behind its trailer", "damaged", append(bytes.Clone(first), 1))
	add("tail-signature.hxz", "signed-twice.hxz with a flipped bit in the appended signature", "damaged", flipped(both, int64(len(first)+40)))
	add("tail-archive.hxz", "signed.hxz, and codec.hxz behind it", "damaged", append(bytes.Clone(first), m.made["codec.hxz"]...))

	p := m.made["zstd.hxz"]
	r := m.open(p)
	add("cut-body.hxz", "zstd.hxz, cut in its second segment", "truncated", p[:m.segment(r, 1).Pos+20])
	add("cut-index.hxz", "zstd.hxz, cut in its map page", "truncated", p[:r.AreaStart(0)+20])
	add("cut-trailer.hxz", "zstd.hxz, cut in its trailer", "truncated", p[:len(p)-20])
	add("cut-all.hxz", "zstd.hxz, cut to no bytes", "truncated", nil)
}

func (m *maker) open(p []byte) *archive.Reader {
	m.t.Helper()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{})
	m.must(err)
	return r
}

func (m *maker) segment(r *archive.Reader, n int64) index.SegmentRef {
	m.t.Helper()
	ref, _, err := r.SegmentAt(n)
	m.must(err)
	return ref
}

// flipped returns p with another bit at a position.
func flipped(p []byte, at int64) []byte {
	p = bytes.Clone(p)
	p[at] ^= 4
	return p
}

// damaged makes archives with one flipped bit.
func (m *maker) damaged() {
	flip := func(name, of, what string, at int64) {
		r := row{File: name, About: of + " with a flipped bit in " + what, Verdict: "damaged"}
		m.add(r, flipped(m.made[of], at), m.inputs[of]...)
	}
	p := m.made["zstd.hxz"]
	r := m.open(p)
	page, err := r.PageAt(0)
	m.must(err)
	flip("flip-header.hxz", "zstd.hxz", "its header", 20)
	flip("flip-payload.hxz", "zstd.hxz", "the payload of its second segment", m.segment(r, 1).End()-50)
	flip("flip-map.hxz", "zstd.hxz", "its map page", page.At.Pos+30)
	flip("flip-entries.hxz", "zstd.hxz", "its entry page", page.Entries.Pos+30)
	flip("flip-root.hxz", "zstd.hxz", "its root", r.RootAt.Pos+60)
	flip("flip-trailer.hxz", "zstd.hxz", "the digest in its trailer", int64(len(p)-5))
	flip("flip-nodes.hxz", "base.hxz", "its page of nodes", m.open(m.made["base.hxz"]).AreaStart(1)+30)
}

// lies makes archives that are wrong although all digests of frames are right.
func (m *maker) lies() {
	chunks := [][]byte{text(600, 30), text(700, 31)}
	whole := &input{"disk", []part{{overlay.Data, bytes.Join(chunks, make([]byte, 100))}}}
	sound := func() *hostiletest.Builder {
		b := hostiletest.New()
		b.Open(0, "disk")
		b.Add("none", chunks[0], hostiletest.Data(chunks[0]), hostiletest.Zeros(stream.Zero, 100))
		b.Add("none", chunks[1], hostiletest.Data(chunks[1]))
		b.Close()
		b.End()
		return b
	}
	lie := func(name, about string, change func(b *hostiletest.Builder)) {
		b := sound()
		change(b)
		m.add(row{File: name, About: about, Verdict: "damaged"}, b.Seal(), whole)
	}
	m.add(row{File: "lie-none.hxz", About: "what the lies are made of: it is sound", Verdict: "ok"}, sound().Seal(), whole)
	lie("lie-root.hxz", "info has another root of the stream than Close", func(b *hostiletest.Builder) { b.Info.Streams[0].Root[0]++ })
	lie("lie-hash.hxz", "the entry page has another hash than the segment", func(b *hostiletest.Builder) { b.Segments[1].Entries[0].Hash[0]++ })
	lie("lie-kind.hxz", "the entry page has a hole where the segment has zeros", func(b *hostiletest.Builder) { b.Segments[0].Entries[1].Kind = stream.Hole })
	lie("lie-pages.hxz", "a page for each segment: not the pages of this body", func(b *hostiletest.Builder) { b.PageLen = 1 })
	lie("lie-totals.hxz", "the totals of info have a run of zeros too many", func(b *hostiletest.Builder) { b.Info.Totals.Zero.N++ })
	lie("lie-feature.hxz", "the root has a feature that nobody knows: it must be refused", func(b *hostiletest.Builder) { b.Features = []string{"unknown"} })
	m.wrongChunk(whole)
	m.wrongNode()
}

// wrongChunk adds an archive of a chunk that has another byte in the payload than its hash is of.
func (m *maker) wrongChunk(whole *input) {
	b := hostiletest.New()
	b.Open(0, "disk")
	b.Add("none", flipped(whole.bytes(), 700), hostiletest.Data(whole.bytes()))
	b.Close()
	b.End()
	m.add(row{File: "lie-chunk.hxz", About: "a chunk of other bytes than its hash says: it may not be restored", Verdict: "damaged"}, b.Seal(), whole)
}

// wrongNode adds an archive whose only entry is the whole stream of base.hxz, as a node of another digest.
func (m *maker) wrongNode() {
	base := m.open(m.made["base.hxz"])
	top := base.Top(0)
	top.Hash[0]++
	b := hostiletest.New()
	b.Frame(&stream.Parent{ID: base.ID(), Hint: "base.hxz", Content: base.Info().Root()})
	b.Open(0, "disk")
	e := top.Node.Ref(0, 0, 0)
	b.Add("none", nil, e)
	b.Close()
	b.End()
	m.add(row{File: "lie-node.hxz", About: "a node entry for all of base.hxz has another digest", Verdict: "damaged", Parents: []string{"base.hxz"}},
		b.Seal(), m.inputs["base.hxz"]...)
}
