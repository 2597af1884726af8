package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

const units = "KMGT"

// ParseSize parses a number of bytes: digits, perhaps with a fraction, then an optional unit; or 0x
// and hexadecimal digits, without a unit. K and KiB are 1024, kB is 1000, B is 1; likewise M, G and
// T. The first letter of a unit can be lower case. Signs and spaces are not allowed. ParseSize
// fails if the value is not a whole number of bytes, or does not fit an int64.
func ParseSize(s string) (int64, error) {
	if len(s) > maxSizeText {
		return 0, errors.New("size is too long")
	}
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return parseHex(hex)
	}
	unit := strings.TrimLeft(s, "0123456789.")
	number := s[:len(s)-len(unit)]
	whole, fraction, dot := strings.Cut(number, ".")
	if whole == "" || dot && fraction == "" || strings.Contains(fraction, ".") {
		return 0, errors.New("must be a number of bytes such as 4096, 0x1000, 16KiB or 1.5G")
	}
	factor, ok := unitFactor(unit)
	if !ok {
		return 0, fmt.Errorf("unknown unit %q: use B, KiB or K (1024), kB (1000), or M, G, T likewise", unit)
	}
	part, exact := fractionOf(fraction, factor)
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case !exact:
		return 0, errors.New("this is not a whole number of bytes")
	case err != nil || n > (math.MaxInt64-part)/factor:
		return 0, errTooLarge
	}
	return n*factor + part, nil
}

// fractionOf returns the product of factor and the fraction with the given digits after its point. It
// reports whether that is a whole number. Each step has the digit of one place of the product.
func fractionOf(digits string, factor int64) (product int64, exact bool) {
	for i := len(digits) - 1; i >= 0; i-- {
		product += int64(digits[i]-'0') * factor
		if product%10 != 0 {
			return 0, false
		}
		product /= 10
	}
	return product, true
}

// maxSizeText is the greatest length of a size as text. It bounds the work; no sensible size is
// longer.
const maxSizeText = 64

var errTooLarge = errors.New("size is too large")

func parseHex(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 16, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errTooLarge
	case err != nil:
		return 0, errors.New("after 0x there must be hexadecimal digits, and no unit")
	}
	return int64(n), nil
}

func unitFactor(unit string) (int64, bool) {
	if unit == "" || unit == "B" {
		return 1, true
	}
	power := strings.Index(units, strings.ToUpper(unit[:1])) + 1
	base := int64(1024)
	switch unit[1:] {
	case "", "iB":
	case "B":
		base = 1000
	default:
		return 0, false
	}
	factor := int64(1)
	for range power {
		factor *= base
	}
	return factor, power > 0
}

// Integer is a type that can hold a size.
type Integer interface {
	~int | ~int32 | ~int64 | ~uint32 | ~uint64
}

type size[T Integer] struct {
	p     *T
	least int64
}

// sized is a value that is a size.
type sized interface{ sized() }

func (size[T]) sized()      {}
func (optionalSize) sized() {}

// SizeVar sets *p to def and returns a flag value that ParseSize parses and that is at least 1
// byte.
func SizeVar[T Integer](p *T, def T) pflag.Value {
	*p = def
	return size[T]{p, 1}
}

// OffsetVar is SizeVar for a value that may be 0.
func OffsetVar[T Integer](p *T, def T) pflag.Value {
	*p = def
	return size[T]{p, 0}
}

// minMemory is the least limit of memory that a stage can keep to, in bytes.
const minMemory = 1 << 20

// MemoryVar is SizeVar for a limit of memory, which is at least 1 MiB.
func MemoryVar[T Integer](p *T, def T) pflag.Value {
	*p = def
	return size[T]{p, minMemory}
}

// OptionalSizeVar returns a flag value that sets *p to a new number of bytes, which ParseSize
// parses; *p stays nil without the flag.
func OptionalSizeVar(p **int64) pflag.Value { return optionalSize{p} }

type optionalSize struct{ p **int64 }

func (v optionalSize) Type() string { return "SIZE" }

func (v optionalSize) Set(s string) error {
	n, err := ParseSize(s)
	if err == nil {
		*v.p = &n
	}
	return err
}

func (v optionalSize) String() string {
	if v.p == nil || *v.p == nil {
		return ""
	}
	return size[int64]{p: *v.p}.String()
}

func (v size[T]) Type() string { return "SIZE" }

func (v size[T]) Set(s string) error {
	n, err := ParseSize(s)
	if err != nil {
		return err
	}
	if n < v.least {
		return fmt.Errorf("must be at least %s", size[int64]{p: &v.least})
	}
	if T(n) < 0 || int64(T(n)) != n {
		return errTooLarge
	}
	*v.p = T(n)
	return nil
}

// String returns the value in the largest binary unit that expresses it exactly: 4KiB, 16000.
func (v size[T]) String() string {
	if v.p == nil || *v.p == 0 {
		return "0"
	}
	n, unit := int64(*v.p), ""
	for _, u := range units {
		if n%1024 != 0 {
			break
		}
		n, unit = n/1024, string(u)+"iB"
	}
	return strconv.FormatInt(n, 10) + unit
}

// FormatSize returns n bytes for people to read, with three digits: 512 B, 1.27 GiB.
func FormatSize(n int64) string {
	x, unit := float64(n), "B"
	for _, u := range units + "PE" {
		if math.Abs(x) < 999.5 { // more would print as four digits
			break
		}
		x, unit = x/1024, string(u)+"iB"
	}
	digits := 0
	if a := math.Abs(x); unit != "B" {
		switch {
		case a < 9.995:
			digits = 2
		case a < 99.95:
			digits = 1
		}
	}
	return fmt.Sprintf("%.*f %s", digits, x, unit)
}
