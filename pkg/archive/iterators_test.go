package archive

import "testing"

// A loop may end at any value: an iterator that goes on then panics.
func TestLoopsEndEarly(t *testing.T) {
	r := open(t, large(t, 20).Buf.Bytes())
	size := r.Info().Streams[0].Size
	loops := map[string]func(stop func() bool) error{
		"segments": func(stop func() bool) error {
			for _, err := range r.Segments() {
				if err != nil || stop() {
					return err
				}
			}
			return nil
		},
		"chunks": func(stop func() bool) error {
			for _, err := range r.Chunks() {
				if err != nil || stop() {
					return err
				}
			}
			return nil
		},
		"pieces": func(stop func() bool) error {
			for _, err := range r.pieces(0, 0, size) {
				if err != nil || stop() {
					return err
				}
			}
			return nil
		},
	}
	for name, loop := range loops {
		count := func(limit int) (n int) {
			if err := loop(func() bool { n++; return n == limit }); err != nil {
				t.Fatal(name, err)
			}
			return n
		}
		all := count(-1)
		if all < 2 {
			t.Errorf("%s: only %d", name, all)
		}
		for n := 1; n <= min(all, 50); n++ {
			if got := count(n); got != n {
				t.Errorf("%s: %d after a break at %d", name, got, n)
			}
		}
	}
}
