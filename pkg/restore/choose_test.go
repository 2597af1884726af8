package restore

import (
	"errors"
	"testing"

	"hexz/pkg/index"
)

func TestChoose(t *testing.T) {
	one, two := []index.Stream{{Name: "disk"}}, []index.Stream{{Name: "a"}, {Name: "b"}}
	for _, c := range []struct {
		streams []index.Stream
		name    string
		no      int
		text    string // of the error
		several bool
	}{
		{one, "", 0, "", false},
		{one, "disk", 0, "", false},
		{two, "b", 1, "", false},
		{two, "", 0, `several streams: "a", "b"`, true},
		{one, "nope", 0, `there is no stream "nope"; there is "disk"`, false},
		{two, "nope", 0, `there is no stream "nope"; there are "a", "b"`, false},
		{nil, "nope", 0, `there is no stream "nope"; there is none at all`, false},
		{nil, "", 0, "there is no stream", false},
	} {
		no, err := Choose(c.streams, c.name)
		if c.text == "" {
			if no != c.no || err != nil {
				t.Errorf("%q of %d: %d, %v", c.name, len(c.streams), no, err)
			}
			continue
		}
		if err == nil || err.Error() != c.text || !errors.Is(err, ErrChoose) || errors.Is(err, ErrSeveral) != c.several {
			t.Errorf("%q of %d: %v", c.name, len(c.streams), err)
		}
	}
}
