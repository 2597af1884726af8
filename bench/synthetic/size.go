package synthetic

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Size is a number of bytes. As a flag it is a number with K, M, G or T for powers of 1024, or without.
type Size int64

const units = "KMGT"

// Set is of a flag. Sizes of 2^62 bytes and more are an error.
func (s *Size) Set(text string) error {
	digits, shift := text, 0
	if last := len(text) - 1; last >= 0 {
		if i := strings.IndexByte(units, text[last]); i >= 0 {
			digits, shift = text[:last], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || bits.Len64(n)+shift > 62 {
		return errors.New("no number of bytes, with K, M, G or T")
	}
	*s = Size(n << shift)
	return nil
}

// String returns what Set takes.
func (s *Size) String() string { return s.text("%d%s") }

// Label returns s for people, as 8 GiB.
func (s *Size) Label() string { return s.text("%d %siB") }

// text prints a number and the largest unit that it is a whole number of.
func (s *Size) text(form string) string {
	n, unit := int64(*s), 0
	for n > 0 && n%1024 == 0 && unit < len(units) {
		n, unit = n/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf(form, n, units[unit-1:unit])
}

// Type is of a flag.
func (s *Size) Type() string { return "size" }
