package wire

import (
	"io"
	"slices"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

const (
	maxDepth = 16      // nesting of meta values
	maxMeta  = 1 << 20 // bytes of one meta value
)

// Meta is a map of parameters. Its values are nil, bool, int64, string, []byte, []any and
// Meta; Writer takes int as well.
type Meta = map[string]any

// Meta reads a map of at most 1 MiB and a depth of at most 16.
func (r *Reader) Meta() Meta {
	end := r.Pos() + maxMeta
	if c, ok := r.code(); ok && !isMap(c) {
		r.Failf("type 0x%02x where a map was expected", c)
	}
	m, _ := r.value(end, 0).(Meta)
	r.within(end)
	return m
}

// Skip skips one value of any type, of at most limit bytes and a depth of at most 16.
func (r *Reader) Skip(limit int64) {
	end := r.Pos() + limit
	r.skip(end, 0)
	r.within(end)
}

// SkipFrame skips an array of at most limit bytes. Each element may be as deep as Skip and Meta
// allow.
func (r *Reader) SkipFrame(limit int64) {
	end := r.Pos() + limit
	r.skip(end, -1)
	r.within(end)
}

// within fails if bytes after end were read: the last string may go beyond end.
func (r *Reader) within(end int64) {
	if r.Pos() > end {
		r.Failf("value exceeds its limit of bytes")
	}
}

// room returns how many bytes may still be read before end. It fails if there are none, or if depth
// is too large.
func (r *Reader) room(end int64, depth int) int {
	left := end - r.Pos()
	if left <= 0 {
		r.Failf("value exceeds its limit of bytes")
	}
	if depth > maxDepth {
		r.Failf("value is nested deeper than %d", maxDepth)
	}
	return int(max(left, 0))
}

func (r *Reader) value(end int64, depth int) any {
	room := r.room(end, depth)
	c, ok := r.code()
	if !ok {
		return nil
	}
	switch {
	case c == msgpcode.Nil:
		r.IsNil()
		return nil
	case c == msgpcode.True, c == msgpcode.False:
		r.in.ReadByte()
		return c == msgpcode.True
	case isInt(c):
		return r.Int(MaxInt)
	case isString(c):
		return r.String(room)
	case isBin(c):
		return r.Bytes(room)
	case isArray(c):
		list := []any{}
		for n := r.Array(room); n > 0 && r.err == nil; n-- {
			list = append(list, r.value(end, depth+1))
		}
		return list
	case isMap(c):
		m := Meta{}
		for n := r.Map(room); n > 0 && r.err == nil; n-- {
			r.mapEntry(m, end, depth)
		}
		return m
	}
	r.Failf("type 0x%02x in a map of parameters", c)
	return nil
}

func (r *Reader) mapEntry(m Meta, end int64, depth int) {
	k := r.String(r.room(end, depth))
	v := r.value(end, depth+1)
	if _, twice := m[k]; twice {
		r.Failf("key %q stands twice in a map", k)
	}
	if r.err == nil {
		m[k] = v
	}
}

func (r *Reader) skip(end int64, depth int) {
	room := r.room(end, depth)
	c, ok := r.code()
	if !ok {
		return
	}
	switch {
	case isArray(c):
		for n := r.Array(room); n > 0 && r.err == nil; n-- {
			r.skip(end, depth+1)
		}
	case isMap(c):
		for n := 2 * r.Map(room/2); n > 0 && r.err == nil; n-- {
			r.skip(end, depth+1)
		}
	case isString(c):
		r.discard(r.head("string", isString, room))
	case isBin(c):
		r.discard(r.BytesLen(room))
	case isInt(c):
		r.integer(c)
	case c == msgpcode.Nil, c == msgpcode.True, c == msgpcode.False:
		r.number(0)
	case c == msgpcode.Float:
		r.number(4)
	case c == msgpcode.Double:
		r.number(8)
	default: // extensions, too, which have any length
		r.Failf("type 0x%02x is not part of the format", c)
	}
}

// discard skips n bytes in small steps, so that a lying length allocates nothing.
func (r *Reader) discard(n int) {
	var buf [4096]byte
	for n > 0 && r.err == nil {
		step := buf[:min(n, len(buf))]
		if _, err := io.ReadFull(&r.in, step); err != nil {
			r.fail(err)
		}
		n -= len(step)
	}
}

// keys returns the keys of m in order, so that the same map always gives the same bytes.
func keys(m Meta) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
