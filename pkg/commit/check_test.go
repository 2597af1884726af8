package commit

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/overlay"
	"hexz/pkg/stage"
)

// Commit recognizes a base that the changes were not made to.
func TestOtherBase(t *testing.T) {
	p := stagetest.Content(1 << 20)
	base := stagetest.OpenArchive(t, stagetest.Pipe(t, p, stagetest.Cutting(stage.ChunkOptions{}), stagetest.Sealing()))
	other := bytes.Clone(p)
	other[700001] ^= 1
	zeros := make([]byte, len(p))
	at := []overlay.Range{{Offset: 10, Length: 4096}, {Offset: 700000, Length: 2}}
	for name, c := range map[string]struct {
		below Below
		ok    bool
	}{
		"the same":             {Below{bytes.NewReader(p), 1 << 20, at, false}, true},
		"another byte":         {Below{bytes.NewReader(other), 1 << 20, at, false}, false},
		"another, elsewhere":   {Below{bytes.NewReader(other), 1 << 20, at[:1], false}, true},
		"in the last sector":   {Below{bytes.NewReader(p), 1<<20 - 511, nil, false}, true},
		"a sector less":        {Below{bytes.NewReader(p), 1<<20 - 512, nil, false}, false},
		"size unknown":         {Below{bytes.NewReader(p), -1, at, false}, true},
		"zeros":                {Below{bytes.NewReader(zeros), -1, at, false}, false},
		"zeros, if they count": {Below{bytes.NewReader(zeros), -1, at, true}, true},
		"known to be zero":     {Below{bytes.NewReader(p), -1, []overlay.Range{{Offset: 10, Length: 4096, Zero: true}}, true}, false},
		"beyond the base":      {Below{bytes.NewReader(p), -1, []overlay.Range{{Offset: 1<<20 - 1, Length: 4096}, {Offset: 1 << 21, Length: 1}}, false}, true},
	} {
		image := &fakeImage{data: p}
		_, err := Apply(t.Context(), io.Discard, base, "", []Overlay{{Stream: "disk", Image: image, Below: &c.below}}, Options{})
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrOtherBase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
