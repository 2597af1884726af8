package overlay

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const maxElement = 256 << 10 // bytes of one element of a map in JSON

// ErrChain is the error of ParseMap and of Chain if the caller does not say how many files of a
// chain have changes on the base.
var ErrChain = errors.New("a chain of more than two files")

// ErrNotDirty is the error of ParseMap for a list of ranges that is not one of a dirty bitmap.
var ErrNotDirty = errors.New("it is not one of a dirty bitmap")

// ParseMap reads a map of an image of size bytes, and returns the changes in it. A map is one of
//
//   - JSON of `qemu-img map --output=json`: ranges with a depth below layers have changed, to zeros
//     if zero is true. If layers is 0, only depth 0 has changed, and a depth above 1 is the error
//     ErrChain. start, length and depth are required; other fields are ignored.
//   - JSON of `nbdinfo --map=qemu:dirty-bitmap:NAME --json`: ranges of type 1, "dirty", have
//     changed. Maps of anything else, with other descriptions, are an error.
//   - lines of OFFSET and LENGTH, decimal or hexadecimal with 0x, of changed ranges. Empty lines
//     and text after a # are ignored.
//
// Ranges must be in order and must not overlap, and changed ranges must lie within the image.
// Errors are ErrInvalid and give the number of the element or line, from 1.
//
// A map may have any number of ranges that fit into 32 MiB of memory, after neighbours were joined.
// A range takes 2 bytes if all begin and end at multiples of 4 KiB and lie near to each other, 4
// bytes for 64 KiB, and up to 21 bytes in the worst case.
func ParseMap(r io.Reader, size int64, layers int) (*Map, error) {
	b := bufio.NewReader(r)
	for {
		c, err := b.ReadByte()
		if errors.Is(err, io.EOF) {
			// A program that failed to write a map leaves an empty file. A map without changes is
			// "[]".
			return nil, fmt.Errorf("%w: the map is empty", ErrInvalid)
		}
		if err != nil {
			return nil, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) || c == '\n' {
			b.UnreadByte() // cannot fail after ReadByte
			l := &mapBuilder{size: size, layers: layers}
			if c == '[' {
				err = parseJSON(b, l)
			} else {
				err = parseLines(b, l)
			}
			if err == nil {
				err = l.flushLast()
			}
			if err != nil {
				return nil, err
			}
			l.gaps.offer(l.Map.end, size)
			return &l.Map, nil
		}
	}
}

// mapBuilder collects the ranges of a map.
type mapBuilder struct {
	size   int64
	layers int
	end    int64  // the end of the last range, changed or not
	last   Change // not in the Map yet: the next change may continue it
	Map
}

// flushLast moves the last change to the Map.
func (l *mapBuilder) flushLast() error {
	if l.last.Length == 0 {
		return nil
	}
	return l.append(l.last)
}

// addRange adds a range. The error says what is wrong with the range.
func (l *mapBuilder) addRange(offset, length int64, changed, zero bool) error {
	switch {
	case offset < 0 || length < 0:
		return fmt.Errorf("offset %d or length %d is negative", offset, length)
	case length > math.MaxInt64-offset:
		return fmt.Errorf("offset %d and length %d are too large", offset, length)
	case offset < l.end:
		return fmt.Errorf("offset %d lies before the end of the range before, %d", offset, l.end)
	case changed && offset+length > l.size:
		return fmt.Errorf("offset %d and length %d reach beyond the end of the image, %d", offset, length, l.size)
	}
	l.end = offset + length
	if !changed || length == 0 {
		return nil
	}
	if l.last.Length > 0 && l.last.End() == offset && l.last.Zero == zero {
		l.last.Length += length
		return nil
	}
	err := l.flushLast()
	l.last = Change{offset, length, zero}
	return err
}

// noteUnchanged notes a range that has not changed, of the file at a depth.
func (l *mapBuilder) noteUnchanged(offset, length, depth int64, zero bool) {
	length = min(length, l.size-offset)
	if zero {
		l.zeros.offer(offset, length, depth, true)
	} else {
		l.data.offer(offset, length, depth, false)
	}
}

func parseLines(r io.Reader, l *mapBuilder) error {
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		text, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		err := errors.New("a line is OFFSET LENGTH, in bytes")
		if len(fields) == 2 {
			err = l.addText(fields[0], fields[1])
		}
		if err != nil && s.Err() == nil {
			return invalidf("line %d of the map: %v", n, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return invalidf("the map is no text")
	}
	return s.Err()
}

func (l *mapBuilder) addText(offset, length string) error {
	off, err := parseNumber(offset)
	if err != nil {
		return err
	}
	n, err := parseNumber(length)
	if err != nil {
		return err
	}
	return l.addRange(off, n, true, false)
}

func parseNumber(s string) (int64, error) {
	digits, base := s, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseInt(digits, base, 64)
	if err != nil || len(s) > 40 {
		return 0, fmt.Errorf("%.40q is no number of bytes", s)
	}
	return n, nil
}

// element is an element of a map of qemu-img or of nbdinfo.
type element struct {
	Start, Offset, Length, Depth, Type *int64
	Zero                               bool
	Description                        *string
}

// budget limits the bytes that a decoder reads for one element.
type budget struct {
	r    io.Reader
	left int
}

var errElement = invalidf("an element of the map has more than %d bytes", maxElement)

func (b *budget) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errElement
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func parseJSON(r io.Reader, l *mapBuilder) error {
	b := &budget{r, maxElement}
	d := json.NewDecoder(b)
	if _, err := d.Token(); err != nil { // the bracket
		return jsonError(0, err)
	}
	for n := 1; d.More(); n++ {
		b.left = maxElement
		var e element
		if err := d.Decode(&e); err != nil {
			return jsonError(n, err)
		}
		if err := l.addElement(&e); err != nil {
			return fmt.Errorf("%w: element %d of the map: %w", ErrInvalid, n, err)
		}
	}
	if _, err := d.Token(); err != nil { // the other bracket
		return jsonError(0, err)
	}
	b.left = maxElement
	if t, err := d.Token(); err == nil {
		return invalidf("%.20v after the map", t)
	} else if !errors.Is(err, io.EOF) {
		return jsonError(0, err)
	}
	return nil
}

// jsonError returns err, or an ErrInvalid if the input is to blame for err.
func jsonError(n int, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	where := "the map"
	if n > 0 {
		where = fmt.Sprintf("element %d of the map", n)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return invalidf("%s is cut short", where)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return invalidf("%s: %v", where, err)
	}
	return err
}

func (l *mapBuilder) addElement(e *element) error {
	switch {
	case e.Length == nil:
		return errors.New("it has no length")
	case e.Start != nil:
		if e.Depth == nil {
			return errors.New("it has no depth")
		}
		if *e.Depth < 0 {
			return fmt.Errorf("depth %d is negative", *e.Depth)
		}
		if l.layers == 0 && *e.Depth > 1 {
			return fmt.Errorf("its depth is %d: %w", *e.Depth, ErrChain)
		}
		changed := *e.Depth < int64(max(l.layers, 1))
		if err := l.addRange(*e.Start, *e.Length, changed, e.Zero); err != nil || changed {
			return err
		}
		l.noteUnchanged(*e.Start, *e.Length, *e.Depth, e.Zero)
		return nil
	case e.Offset == nil || e.Type == nil:
		return errors.New("it is neither one of qemu-img map nor one of nbdinfo")
	case *e.Type != 0 && *e.Type != 1, e.Description != nil && *e.Description != [...]string{"clean", "dirty"}[*e.Type]:
		return ErrNotDirty
	}
	return l.addRange(*e.Offset, *e.Length, *e.Type == 1, false)
}
