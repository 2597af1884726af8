package index

import (
	"bytes"
	"reflect"
	"testing"

	"hexz/pkg/stream/wire"
)

// Every decoder of the index takes any bytes. What it accepts is written, and is then read as the
// same.

func FuzzMapPage(f *testing.F) {
	m := makeIndex(f, nil, plainHeader(), 5, mixed)
	f.Add(m.areas[0][:m.root.Lists[0].Top[0].At.Len], 0)
	f.Fuzz(func(t *testing.T, p []byte, number int) {
		page, err := parseMapPage(bytes.Clone(p), number, nil, false)
		if err != nil {
			return
		}
		w := wire.NewWriter()
		appendMapPage(w, number, page, nil)
		if again, err := parseMapPage(w.Written(), number, nil, false); err != nil || !reflect.DeepEqual(again, page) {
			t.Fatalf("a map page changes when written again: %v", err)
		}
	})
}

func FuzzEntryPage(f *testing.F) {
	m := makeIndex(f, nil, plainHeader(), 5, mixed)
	at := m.root.Lists[0].Top[0].Entries
	f.Add(m.areas[0][at.Pos:at.End()], 0)
	f.Fuzz(func(t *testing.T, p []byte, number int) {
		for range parseEntryPage(bytes.Clone(p), number, nil) {
		}
	})
}

func FuzzNodePage(f *testing.F) {
	m := makeIndex(f, nil, plainHeader(), 500, mixed)
	f.Add(m.areas[1][:m.root.Lists[1].Top[0].At.Len], 1, 0)
	f.Fuzz(func(t *testing.T, p []byte, list, number int) {
		if list < nodeList(0) || list >= maxLists {
			return
		}
		k := pageKey{list: list, number: number}
		nodes, err := parseNodePage(bytes.Clone(p), k, nil, false)
		if err != nil {
			return
		}
		w := wire.NewWriter()
		appendNodePage(w, k, nodes, nil)
		if again, err := parseNodePage(w.Written(), k, nil, false); err != nil || !reflect.DeepEqual(again, nodes) {
			t.Fatalf("a page of nodes changes when written again: %v", err)
		}
	})
}

func FuzzDirectory(f *testing.F) {
	m := indexOfPages(f, 300)
	at := m.root.Lists[0].Top[1].At
	f.Add(m.areas[0][at.Pos:at.End()], 0, 1, 1, 300-FanOut)
	f.Fuzz(func(t *testing.T, p []byte, list, height, number, n int) {
		if n < 0 || n > FanOut || height < 1 {
			return
		}
		k := pageKey{list: list, height: height, number: number}
		children, err := parseDirectory(bytes.Clone(p), k, n, nil, false)
		if err != nil {
			return
		}
		w := wire.NewWriter()
		appendDirectory(w, k, children, nil)
		if again, err := parseDirectory(w.Written(), k, n, nil, false); err != nil || !reflect.DeepEqual(again, children) {
			t.Fatalf("a directory page changes when written again: %v", err)
		}
	})
}

func FuzzRoot(f *testing.F) {
	for _, m := range []made{makeIndex(f, nil, plainHeader(), 500, mixed), indexOfPages(f, 300)} {
		f.Add(encoded(func(w *wire.Writer) { AppendRoot(w, m.root) }))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		write := func(p []byte) []byte {
			r, err := ParseRoot(bytes.Clone(p))
			if err != nil || r.Open(nil) != nil {
				return nil
			}
			r.Seal(nil)
			return encoded(func(w *wire.Writer) { AppendRoot(w, r) })
		}
		if once := write(p); once != nil && !bytes.Equal(write(once), once) {
			t.Fatal("a root changes when written again")
		}
	})
}

func FuzzTrailer(f *testing.F) {
	m := indexOfPages(f, 1)
	f.Add(m.raw[len(m.raw)-TrailerSize:])
	f.Fuzz(func(t *testing.T, p []byte) {
		if tr, err := ParseTrailer(p, 1<<40); err == nil && !bytes.Equal(tr.Append(nil), p) {
			t.Fatal("a trailer changes when written again")
		}
	})
}
