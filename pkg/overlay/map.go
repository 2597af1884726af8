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

const (
	maxChanges = 1 << 20   // ranges of a map, after neighbours were joined: 24 MiB
	maxElement = 256 << 10 // bytes of one element of a map in JSON
)

// ParseMap reads a map of an image of size bytes, and returns what has changed. It is one of
//
//   - JSON of `qemu-img map --output=json`: what has the depth 0 has changed, to zeros if zero is
//     true. start, length and depth must be there; other fields do not count.
//   - JSON of `nbdinfo --map=qemu:dirty-bitmap:NAME --json`: what has the type 1, "dirty", has
//     changed. Maps of anything else, that have other descriptions, are an error.
//   - lines of OFFSET and LENGTH, decimal or hexadecimal with 0x, of what has changed. Empty lines
//     and what follows a # do not count.
//
// Ranges must be in order, must not overlap, and those that changed must lie within the image.
// Errors are ErrInvalid and tell the number of the element or line, from 1.
func ParseMap(r io.Reader, size int64) ([]Change, error) {
	b := bufio.NewReader(r)
	for {
		c, err := b.ReadByte()
		if errors.Is(err, io.EOF) {
			// What has failed to write a map leaves such a file; that nothing has changed is "[]".
			return nil, fmt.Errorf("%w: the map is empty", ErrInvalid)
		}
		if err != nil {
			return nil, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) || c == '\n' {
			b.UnreadByte() // cannot fail behind ReadByte
			l := &list{size: size}
			if c == '[' {
				err = parseJSON(b, l)
			} else {
				err = parseLines(b, l)
			}
			return l.changes, err
		}
	}
}

// list collects the ranges of a map.
type list struct {
	size    int64
	end     int64 // of the last range, changed or not
	changes []Change
}

// add takes in a range. The error tells what is wrong with it.
func (l *list) add(offset, length int64, changed, zero bool) error {
	switch {
	case offset < 0 || length < 0:
		return fmt.Errorf("offset %d or length %d is negative", offset, length)
	case length > math.MaxInt64-offset:
		return fmt.Errorf("offset %d and length %d are too large", offset, length)
	case offset < l.end:
		return fmt.Errorf("offset %d lies before the end of the range before, %d", offset, l.end)
	case changed && offset+length > l.size:
		return fmt.Errorf("offset %d and length %d reach behind the end of the image, %d", offset, length, l.size)
	}
	l.end = offset + length
	if !changed || length == 0 {
		return nil
	}
	if n := len(l.changes); n > 0 && l.changes[n-1].End() == offset && l.changes[n-1].Zero == zero {
		l.changes[n-1].Length += length
		return nil
	}
	if len(l.changes) == maxChanges {
		return fmt.Errorf("more than %d ranges", maxChanges)
	}
	l.changes = append(l.changes, Change{offset, length, zero})
	return nil
}

func parseLines(r io.Reader, l *list) error {
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

func (l *list) addText(offset, length string) error {
	off, err := parseNumber(offset)
	if err != nil {
		return err
	}
	n, err := parseNumber(length)
	if err != nil {
		return err
	}
	return l.add(off, n, true, false)
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

// element is one of qemu-img or of nbdinfo.
type element struct {
	Start, Offset, Length, Depth, Type *int64
	Zero                               bool
	Description                        *string
}

// budget bounds what a decoder reads for one element.
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

func parseJSON(r io.Reader, l *list) error {
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
			return invalidf("element %d of the map: %v", n, err)
		}
	}
	if _, err := d.Token(); err != nil { // the other bracket
		return jsonError(0, err)
	}
	b.left = maxElement
	if t, err := d.Token(); err == nil {
		return invalidf("%.20v behind the map", t)
	} else if !errors.Is(err, io.EOF) {
		return jsonError(0, err)
	}
	return nil
}

// jsonError tells what the input is to blame for from errors of reading.
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

func (l *list) addElement(e *element) error {
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
		return l.add(*e.Start, *e.Length, *e.Depth == 0, e.Zero)
	case e.Offset == nil || e.Type == nil:
		return errors.New("it is neither one of qemu-img map nor one of nbdinfo --map")
	case *e.Type != 0 && *e.Type != 1, e.Description != nil && *e.Description != [...]string{"clean", "dirty"}[*e.Type]:
		return errors.New("it is not one of a dirty bitmap: use nbdinfo --map=qemu:dirty-bitmap:NAME")
	}
	return l.add(*e.Offset, *e.Length, *e.Type == 1, false)
}
