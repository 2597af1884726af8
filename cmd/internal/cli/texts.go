package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// TextsVar returns the value of a flag that may be repeated, and adds its texts to *p. (That of pflag
// would link a parser of CSV.)
func TextsVar(p *[]string) pflag.Value { return &texts{p, ""} }

// WordsVar is TextsVar for a flag that takes several words, with commas between them.
func WordsVar(p *[]string) pflag.Value { return &texts{p, ","} }

type texts struct {
	p   *[]string
	cut string // between the texts of one value
}

func (t *texts) Set(s string) error {
	if t.cut == "" {
		*t.p = append(*t.p, s)
	} else {
		*t.p = append(*t.p, strings.Split(s, t.cut)...)
	}
	return nil
}

func (t *texts) String() string { return "" } // no default

func (t *texts) Type() string { return "TEXT" }
