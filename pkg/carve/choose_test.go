package carve

import "testing"

// inStream returns a fragment of the stream of an id, from an offset to another.
func inStream(id, from, to int64) fragment {
	return fragment{
		frames: 3, first: contentPos{true, true, id, from}, last: contentPos{true, true, id, to},
		tail: lastFrame{before: contentPos{true, true, id, (from + to) / 2}}, next: -1,
	}
}

// at puts a fragment into the file.
func (c fragment) at(pos, end int64) *fragment {
	c.pos, c.end = pos, end
	return &c
}

// with changes a fragment.
func (c fragment) with(change func(*fragment)) fragment {
	change(&c)
	return c
}

func sure(c *fragment)    { c.sure = true }
func loose(c *fragment)   { c.tail.loose = true }
func single(c *fragment)  { c.frames = 1 }
func marked(c *fragment)  { c.marked, c.sure = true, true }
func ended(c *fragment)   { c.ended = true }
func opens(c *fragment)   { c.opens = true }
func doubted(c *fragment) { c.doubted, c.tail.loose = true, true }

// Each row is two fragments: one that was kept, and the next one in the file.
func TestRule(t *testing.T) {
	before := inStream(1, 0, 1000)
	after := inStream(1, 1000, 2000)
	back := inStream(1, 500, 2000)
	for _, c := range []struct {
		name   string
		p, c   *fragment
		nested bool
		want   ruling
	}{
		{"the first one", nil, after.at(0, 50), false, keep},
		{"the first one, of an inner archive perhaps", nil, after.at(0, 50), true, refuse},
		{"the first one, vouched for", nil, after.with(sure).at(0, 50), true, keep},
		{"it goes on", before.at(0, 50), after.at(60, 90), false, keep},
		{"it goes on, of an inner archive perhaps", before.at(0, 50), after.at(60, 90), true, refuse},
		{"too long for a payload", before.at(0, 50), after.at(60, 60+201), true, keep},
		{"where the damaged frame has ended", before.with(func(c *fragment) { c.next = 1000 }).at(0, 50), after.at(60, 90), true, keep},
		{"it begins within the last frame", before.at(0, 50), after.at(49, 90), false, trim},
		{"of another stream", before.at(0, 50), inStream(2, 0, 100).at(60, 90), false, keep},
		{"of a stream that is over", before.at(0, 50), inStream(7, 0, 100).at(60, 90), false, refuse},
		{"after End", before.with(ended).at(0, 50), after.with(sure).at(60, 90), false, refuse},
		{"after End, and longer", before.with(ended).at(0, 20), after.at(60, 90), false, drop},
		{"the stream begins again", before.at(0, 50), after.with(opens).at(60, 90), false, refuse},
		{"its last frame is doubted", before.with(doubted).at(0, 50), after.at(60, 90), false, trim},
		{"its last frame is confirmed", before.with(doubted).with(func(c *fragment) { c.next = 1000 }).at(0, 50), after.at(60, 90), false, keep},
		{"it goes back, one frame", before.at(0, 20), back.with(single).at(60, 90), false, refuse},
		{"it goes back, one frame that is vouched for", before.at(0, 20), back.with(single).with(sure).at(60, 90), false, drop},
		{"it goes back, the last frame is loose", before.with(loose).at(0, 50), back.at(60, 90), false, trim},
		{"it goes back, the only frame is loose", before.with(loose).with(single).at(0, 50), back.at(60, 90), false, refuse},
		{"it goes back, the first is in its place", before.with(marked).at(0, 20), back.at(60, 90), false, refuse},
		{"it goes back, the second is in its place", before.at(0, 50), back.with(marked).at(60, 90), false, drop},
		{"both are in their places", before.with(marked).at(0, 50), back.with(marked).at(60, 90), false, keep},
		{"it goes back, and is longer", before.at(0, 20), back.at(60, 90), false, drop},
		{"it goes back, and is as long", before.at(0, 30), back.at(60, 90), false, refuse},
		{"it goes back, is longer, but only the first is vouched for", before.with(sure).at(0, 20), back.at(60, 90), false, refuse},
		{"it goes back, is longer, both are vouched for", before.with(sure).at(0, 20), back.with(sure).at(60, 90), false, drop},
		{"nothing is between them, so one is wrong", before.with(loose).at(0, 50), after.at(50, 90), false, trim},
	} {
		k := &chooser{nested: func() bool { return c.nested }, longest: 100, seen: map[int64]int{1: 2, 7: 2}}
		if got := k.rule(c.p, c.c); got != c.want {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// What was decided is done: until c is kept or refused, fragments before it lose frames.
func TestAdd(t *testing.T) {
	k := &chooser{nested: func() bool { return false }, seen: map[int64]int{}}
	k.add(*inStream(1, 0, 100).at(0, 10))
	k.add(*inStream(1, 100, 200).with(single).with(doubted).at(20, 30))
	k.add(*inStream(2, 0, 200).at(40, 80))
	if len(k.kept) != 2 || k.kept[1].pos != 40 || k.seen[1] != 2 || k.seen[2] != 2 {
		t.Errorf("the doubted fragment of one frame is still there: %+v, seen %v", k.kept, k.seen)
	}
	k.add(*inStream(1, 200, 300).at(90, 100)) // shorter, and stream 1 is over
	if len(k.kept) != 2 {
		t.Errorf("what contradicts a longer fragment was kept: %+v", k.kept)
	}
	k.add(*inStream(1, 200, 900).at(110, 200))
	if len(k.kept) != 2 || k.kept[1].pos != 110 || k.seen[2] != 0 {
		t.Errorf("the longer one was not kept: %+v, seen %v", k.kept, k.seen)
	}
}
