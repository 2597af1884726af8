package vectors

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"hexz/internal/hostiletest"
	"hexz/internal/stagetest"
	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/keys"
	"hexz/pkg/overlay"
	"hexz/pkg/seal"
	"hexz/pkg/similar"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

// small makes segments of a few chunks each.
func small(codec string) options {
	return options{compress: stage.CompressOptions{Codec: codec, Block: 4096}}
}

// plain makes full archives.
func (m *maker) plain() {
	for _, codec := range []string{"none", "zstd", "lz4", "s2"} {
		m.ok(codec+".hxz", "codec "+codec+"; two streams with zeros, holes and refs", small(codec), twoStreams()...)
	}
	m.ok("dictionary.hxz", "a zstd dictionary", options{compress: stage.CompressOptions{Block: 1024, TrainDict: 4096}},
		&input{"disk", []part{bytesOf(records(60000))}})
	m.ok("digests.hxz", "digests of the whole content in Close: sha256 and blake3",
		options{digests: []string{"sha256", "blake3"}}, twoStreams()...)
	m.ok("pages.hxz", "two pages of segments, a page of nodes of level 0",
		options{chunker: chunker.Options{Name: chunker.FixedV1, Size: 64}, compress: stage.CompressOptions{Block: 64}},
		&input{"disk", []part{bytesOf(numbers(20000)), hole(10000)}})
	node, in := m.nodePages()
	m.add(row{File: "node-pages.hxz", About: "three pages of segments, three pages of nodes of level 0, one of level 1", Verdict: "ok"}, node, in)
	m.ancillary()
	m.ok("no-streams.hxz", "no streams", options{})
	m.ok("empty.hxz", "a stream of no bytes", options{}, &input{"disk", nil})
	m.ok("hole.hxz", "a stream that is one hole, in a segment without a payload", options{}, &input{"disk", []part{hole(1 << 20)}})
	encode := func(p []byte) ([]byte, error) { return append([]byte("?"), p[:len(p)/2]...), nil }
	p := m.pack(options{compress: stage.CompressOptions{Codec: "unknown", Encode: encode}}, twoStreams()...)
	m.add(row{File: "codec.hxz", About: "sound, but for a codec that nobody has", Verdict: "codec"}, p, twoStreams()...)
}

// ancillary adds an archive with frames that a reader skips, before, between and after the segments.
func (m *maker) ancillary() {
	note := []byte{0x92, 0xcc, 0xc8, 0x82, 0xff, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x81, 0x90, 0xc0, 0xc0} // [200, {-1: 1.5, {[]: nil}: nil}]
	chunk := text(500, 40)
	b := hostiletest.New()
	b.Raw(note)
	b.Open(0, "disk")
	b.Add("none", chunk, hostiletest.Data(chunk))
	b.Raw(note)
	b.Raw(note)
	b.Add("none", nil, hostiletest.Ref(chunk, 0))
	b.Close()
	b.Raw(note)
	b.End()
	m.add(row{File: "ancillary.hxz", About: "ancillary frames, with a negative integer, a float, and a map as a key", Verdict: "ok"},
		b.Seal(), &input{"disk", []part{bytesOf(chunk), bytesOf(chunk)}})
}

// nodePages makes an archive of so many nodes that those of level 0 take three pages. It has one chunk of
// a hash after which a node ends, and refs to it, with runs between them: so nodes are as short as
// can be.
func (m *maker) nodePages() ([]byte, *input) {
	chunk := []byte{0}
	for sum := blake.Sum(chunk); sum[len(sum)-1]&7 != 0; sum = blake.Sum(chunk) {
		chunk[0]++
	}
	var parts []part
	b := hostiletest.New()
	b.Open(0, "disk")
	for n := 0; n < 4800; n += 15 {
		var raw []byte
		var entries []stream.Entry
		for i := n; i < n+15; i++ {
			length := 1 + i/8%5
			e := hostiletest.Ref(chunk, 0)
			if i == 0 {
				e, raw = hostiletest.Data(chunk), chunk
			}
			entries = append(entries, hostiletest.Zeros(stream.Zero, int64(length)), e)
			parts = append(parts, zeros(length), bytesOf(chunk))
		}
		b.Add("none", raw, entries...)
	}
	b.Close()
	b.End()
	var whole []byte
	for _, p := range parts {
		whole = append(whole, p.data...)
	}
	return b.Seal(), &input{"disk", []part{{overlay.Data, whole}}}
}

// versions makes thin archives, and exported indexes of their base.
func (m *maker) versions() {
	base := &input{"disk", []part{bytesOf(text(24000, 5)), hole(9000), bytesOf(noise(8000, 6)), zeros(5000), bytesOf(text(6000, 7))}}
	tiny := func(parents ...string) options {
		return options{chunker: chunker.Options{Min: 64, Avg: 256, Max: 1024}, parents: parents}
	}
	m.ok("base.hxz", "the parent of others", tiny(), base)
	one := &input{"disk", changed(base.parts, 12000, 40)}
	m.thin("chunks.hxz", "parent entries: chunks of base.hxz", tiny("base.hxz"), []string{"base.hxz"},
		&input{"part", []part{bytesOf(base.bytes()[1000:3500])}})
	m.thin("nodes.hxz", "node entries of level 0: nodes of base.hxz", tiny("base.hxz"), []string{"base.hxz"}, one)
	two := &input{"copy", changed(one.parts, 500, 40)}
	m.thin("nested.hxz", "a node of nodes.hxz that stands there as nodes of base.hxz, with zeros and a hole in it; nodes of both", tiny("nodes.hxz"),
		[]string{"base.hxz", "nodes.hxz"}, one, two)
	large := options{chunker: chunker.Options{Min: 1024, Avg: 4096, Max: 16384}}
	old := &input{"disk", []part{bytesOf(stagetest.Unlike(8, 24000))}}
	next := &input{"disk", []part{bytesOf(stagetest.Edited(9, old.bytes()))}}
	m.ok("patch-base.hxz", "the parent of patches.hxz", large, old)
	patched := large
	patched.parents, patched.delta = []string{"patch-base.hxz"}, &similar.Options{}
	m.thin("patches.hxz", "patches on chunks of patch-base.hxz", patched, []string{"patch-base.hxz"}, next)
	self := large
	self.delta = &similar.Options{Self: true}
	m.ok("patches-self.hxz", "patches on own chunks", self, old, &input{"next", next.parts})
	lz4 := tiny()
	lz4.compress.Codec = "lz4"
	m.thin("by-content.hxz", "nodes and chunks of an archive that is not here; base.hxz has its content with another id",
		tiny(m.elsewhere("base.hxz", lz4, base)), []string{"base.hxz"}, one)
	gone := twoStreams()[0]
	m.add(row{File: "missing-parent.hxz", About: "sound, but its parent is not here", Verdict: "parent"},
		m.pack(tiny(m.elsewhere("gone.hxz", tiny(), gone)), gone), gone)
	m.export("base.hxi", "the exported index of base.hxz", "base.hxz", nil, index.ExportOptions{}, base)
	m.export("base-nodes.hxi", "the same with nodes only", "base.hxz", nil, index.ExportOptions{NodesOnly: true}, base)
}

// thin adds an archive with parents.
func (m *maker) thin(name, about string, o options, parents []string, inputs ...*input) {
	m.t.Helper()
	m.add(row{File: name, About: about, Verdict: "ok", Parents: parents}, m.pack(o, inputs...), inputs...)
}

// elsewhere makes an archive in another directory, and returns its path.
func (m *maker) elsewhere(name string, o options, inputs ...*input) string {
	path := filepath.Join(m.t.TempDir(), name)
	m.must(os.WriteFile(path, m.pack(o, inputs...), 0o666))
	return path
}

// export adds the exported index of an archive.
func (m *maker) export(name, about, of string, ids []age.Identity, o index.ExportOptions, inputs ...*input) {
	p := m.made[of]
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{Identities: keys.Opener(ids...)})
	m.must(err)
	var out bytes.Buffer
	m.must(r.Export(&out, o))
	m.add(row{File: name, About: about, Verdict: "index", Of: of, ID: r.ID().String()}, out.Bytes(), inputs...)
}

// sealed makes archives that are encrypted or signed, and the keys.
func (m *maker) sealed() {
	id, err := age.GenerateX25519Identity()
	m.must(err)
	m.write("age.key", []byte("# A key for tests, which everybody has. public key: "+id.Recipient().String()+"\n"+id.String()+"\n"))
	to := func(r ...age.Recipient) options {
		o := small("zstd")
		o.seal.Recipients = keys.Wrapper(r...)
		return o
	}
	in := twoStreams()
	add := func(r row, o options) {
		r.Verdict = "ok"
		m.add(r, m.pack(o, in...), in...)
	}
	add(row{File: "age.hxz", About: "encrypted for age.key", Identity: "age.key"}, to(id.Recipient()))

	const passphrase = "correct horse"
	m.write("passphrase.txt", []byte(passphrase+"\n"))
	scrypt, err := age.NewScryptRecipient(passphrase)
	m.must(err)
	scrypt.SetWorkFactor(10)
	add(row{File: "passphrase.hxz", About: "encrypted with the passphrase in passphrase.txt, with a low work factor", Passphrase: "passphrase.txt"}, to(scrypt))

	private, public := m.sshKey()
	m.write("ssh.key", private)
	recipient, err := keys.ParseRecipient(public)
	m.must(err)
	add(row{File: "ssh.hxz", About: "encrypted for the SSH key ssh.key and for age.key", Identity: "ssh.key"}, to(recipient, id.Recipient()))

	m.export("age.hxi", "the exported index of age.hxz, sealed with its key", "age.hxz", nil, index.ExportOptions{}, in...)
	m.rows[len(m.rows)-1].Identity = "age.key"
	m.export("age-open.hxi", "the same, opened: it is used without a key", "age.hxz", []age.Identity{id}, index.ExportOptions{Open: true}, in...)
	m.signed(in)
}

// sshKey returns a private key file, and the line of the public key.
func (m *maker) sshKey() (private []byte, public string) {
	_, key, err := ed25519.GenerateKey(nil)
	m.must(err)
	block, err := ssh.MarshalPrivateKey(key, "a key for tests, which everybody has")
	m.must(err)
	signer, err := ssh.NewSignerFromKey(key)
	m.must(err)
	return pem.EncodeToMemory(block), string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// signed makes archives with signatures.
func (m *maker) signed(in []*input) {
	var list []seal.SecretKey
	for _, name := range []string{"sign-a.pub", "sign-b.pub"} {
		public, secret, err := seal.GenerateKey()
		m.must(err)
		m.write(name, public.Marshal())
		list = append(list, secret)
	}
	o := small("zstd")
	o.seal.Sign = list[:1]
	first := m.pack(o, in...)
	m.add(row{File: "signed.hxz", About: "signed by sign-a.pub as it was made", Verdict: "ok", SignedBy: []string{"sign-a.pub"}}, first, in...)
	both := m.sign(first, list[1])
	m.add(row{File: "signed-twice.hxz", About: "the same; a signature by sign-b.pub was appended, with another trailer", Verdict: "ok",
		SignedBy: []string{"sign-a.pub", "sign-b.pub"}}, both, in...)
}

// sign appends a signature to an archive.
func (m *maker) sign(p []byte, key seal.SecretKey) []byte {
	path := filepath.Join(m.t.TempDir(), "signed.hxz")
	m.must(os.WriteFile(path, p, 0o666))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	m.must(err)
	defer f.Close()
	r, err := archive.NewReader(bytes.NewReader(p), int64(len(p)), archive.Options{})
	m.must(err)
	_, err = r.Sign(f, key)
	m.must(err)
	p, err = os.ReadFile(path)
	m.must(err)
	return p
}
