package synthetic

import (
	"bytes"
	"testing"
)

func TestFill(t *testing.T) {
	const blocks = 1000
	all := make([]byte, blocks*Block)
	Fill(all, 0)
	seen := map[string]bool{}
	for n := range blocks {
		p := all[n*Block : (n+1)*Block]
		for at := 0; at < unit; at += 8 {
			if word := string(p[at : at+8]); seen[word] {
				t.Errorf("block %d has a word that another one has", n)
			} else {
				seen[word] = true
			}
		}
		if bytes.Contains(p, make([]byte, unit)) {
			t.Errorf("block %d has zeros", n)
		}
	}
	part := make([]byte, 3*Block)
	Fill(part, 17*Block)
	if !bytes.Equal(part, all[17*Block:20*Block]) {
		t.Error("the content of a part is another one")
	}
	for name, fill := range map[string]func(){
		"offset":          func() { Fill(part, 1) },
		"length":          func() { Fill(part[1:], 0) },
		"negative offset": func() { Fill(part, -Block) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			fill()
		}()
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "4096": 4096, "5K": 5 << 10, "8G": 8 << 30, "3T": 3 << 40} {
		var s Size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: %d %v", text, s, err)
		}
	}
	for _, text := range []string{"", "G", "-1", "+1", "1g", "1GG", "1.5G", " 1", "9999999T", "99999999999999999999"} {
		var s Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is taken for %d", text, s)
		}
	}
	for s, want := range map[Size][2]string{0: {"0", "0"}, 1000: {"1000", "1000"}, 8 << 30: {"8G", "8 GiB"}, 1536 << 10: {"1536K", "1536 KiB"}, 2048 << 40: {"2048T", "2048 TiB"}} {
		if got := [2]string{s.String(), s.Label()}; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
