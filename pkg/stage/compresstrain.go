package stage

import (
	"fmt"
	"iter"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// trainBytes is how much of a stream is read, and kept in memory, to train a dictionary.
const trainBytes = 16 << 20

// train holds back the first groups with chunks. It yields a dictionary made of them, if it pays,
// then these groups, and then the others.
func (c *compressor) train(groups iter.Seq2[*group, error]) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		var samples []*group
		size := 0
		for g, err := range groups {
			if err != nil {
				yield(nil, err)
				return
			}
			held := g.frame == nil && !c.trained
			if held {
				samples = append(samples, g)
				size += len(g.raw)
			}
			if _, last := g.frame.(*stream.Close); len(samples) > 0 && (last || size >= trainBytes) {
				for g, err := range c.withDict(samples) {
					if !yield(g, err) || err != nil {
						return
					}
				}
				samples = nil
			}
			if !held && !yield(g, nil) {
				return
			}
		}
	}
}

// withDict yields a dictionary made of the samples, if it pays, and then the samples.
func (c *compressor) withDict(samples []*group) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		c.trained = true
		dict, err := c.trainDict(samples)
		if err == nil && dict != nil {
			err = c.useDict(dict)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		if dict != nil && !yield(dictGroup(dict)) {
			return
		}
		for _, g := range samples {
			if !yield(g, nil) {
				return
			}
		}
	}
}

// trainDict returns a dictionary, or nil if none pays.
func (c *compressor) trainDict(samples []*group) ([]byte, error) {
	var raws [][]byte
	for _, g := range samples {
		raws = append(raws, g.raw)
	}
	dict, gain, err := codec.TrainDict(raws, c.o.TrainDict, c.o.Level)
	switch {
	case err != nil:
		return nil, err
	case dict == nil:
		c.note(fmt.Sprintf("no dictionary: a trial gained %.1f %%, %.0f %% are worth it", 100*gain, 100*codec.MinDictGain))
		return nil, nil
	case !c.pays(dict, gain, raws):
		c.note("no dictionary: it would take more than it saves")
		return nil, nil
	}
	c.note(fmt.Sprintf("a dictionary of %d bytes gained %.1f %% in a trial", len(dict), 100*gain))
	return dict, nil
}

// pays reports whether a dictionary saves more than its own length on the samples alone. The rest
// of the stream is not known yet.
func (c *compressor) pays(dict []byte, gain float64, samples [][]byte) bool {
	plain := 0
	var buf []byte
	for _, raw := range samples {
		_, out := c.encoder.Encode(buf, raw)
		plain += len(out)
	}
	return gain*float64(plain) > float64(len(dict))
}

func (c *compressor) note(s string) {
	if c.o.Note != nil {
		c.o.Note(s)
	}
}
