package vectors

import (
	"bytes"
	"testing"

	"hexz/pkg/archive"
	"hexz/pkg/restore"
	"hexz/pkg/salvage"
	"hexz/pkg/stage"
)

// TestSalvage saves what is left of each file. What is not said to be lost is right, and nothing is lost
// unless the body is hit, or is not there as in an exported index.
func TestSalvage(t *testing.T) {
	hit := map[string]bool{"cut-body.hxz": true, "flip-payload.hxz": true, "lie-chunk.hxz": true, "lie-root.hxz": true}
	each(t, func(t *testing.T, f *file) {
		var made, sealed bytes.Buffer
		_, report, err := salvage.Stream(t.Context(), &made, bytes.NewReader(f.bytes), salvage.Options{Identities: f.ids, Find: f.find})
		if err != nil {
			if code(err, 3) != 3 || f.Of == "" && len(f.bytes) > 0 {
				t.Errorf("salvage: %v", err)
			}
			return
		}
		if report.Whole() == (hit[f.File] || f.Of != "") {
			t.Errorf("%d ranges are lost", report.LostRanges)
		}
		if _, err := stage.Seal(t.Context(), &sealed, &made, stage.SealOptions{}); err != nil {
			t.Fatalf("sealed: %v", err)
		}
		r, err := archive.NewReader(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), archive.Options{Find: f.find})
		if err != nil {
			t.Fatalf("sealed: %v", err)
		}
		for no, is := range r.Info().Streams {
			f.compareSaved(t, r, no, is.Name, report)
		}
	})
}

// compareSaved compares a stream that was saved, but for what is said to be lost.
func (f *file) compareSaved(t *testing.T, r *archive.Reader, no int, name string, report *salvage.Report) {
	t.Helper()
	var got bytes.Buffer
	out := restore.NewPlainOutput(&got)
	if err := r.Restore(t.Context(), no, out, archive.RestoreOptions{}); err != nil {
		if verdicts[f.Verdict].whole {
			t.Errorf("%q: %v", name, err)
		}
		return
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if no >= len(f.Streams) || len(r.Info().Streams) == len(f.Streams) && !report.Streams[no].MadeUp && name != f.Streams[no].Name {
		t.Fatalf("stream %q", name)
	}
	want := bytes.Clone(f.contents[f.Streams[no].Hash])
	for _, l := range report.Lost {
		if l.Offset == nil || *l.Stream != name {
			continue
		}
		end := int64(len(want))
		if l.Length != nil {
			end = min(end, *l.Offset+*l.Length)
		}
		if from := min(*l.Offset, end); from < end {
			clear(want[from:end])
		}
		if end == int64(len(want)) {
			want = want[:min(len(want), got.Len())]
		}
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%q: wrong bytes, %d of %d; %d ranges are lost", name, got.Len(), len(want), report.LostRanges)
	}
}
