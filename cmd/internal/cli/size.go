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

// ParseSize parses a number of bytes: digits, then an optional unit. K and KiB are 1024, kB is
// 1000, B is 1; likewise M, G and T. The first letter of a unit can be lower case. There are no
// signs, fractions or spaces. It fails if the value does not fit an int64.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimLeft(s, "0123456789")
	number, unit := s[:len(s)-len(digits)], digits
	if number == "" {
		return 0, errors.New("must be a number of bytes such as 4096, 16KiB or 16kB")
	}
	factor, ok := unitFactor(unit)
	if !ok {
		return 0, fmt.Errorf("unknown unit %q: use B, KiB or K (1024), kB (1000), or M, G, T likewise", unit)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/factor {
		return 0, errors.New("size is too large")
	}
	return n * factor, nil
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

// SizeVar sets *p to def and returns a flag value of 1 byte or more that ParseSize parses.
func SizeVar[T Integer](p *T, def T) pflag.Value {
	*p = def
	return size[T]{p, 1}
}

// OffsetVar is SizeVar for a value that may be 0.
func OffsetVar[T Integer](p *T, def T) pflag.Value {
	*p = def
	return size[T]{p, 0}
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
		return fmt.Errorf("must be at least %d", v.least)
	}
	if T(n) < 0 || int64(T(n)) != n {
		return errors.New("size is too large")
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
