package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// choice is a flag value that is one of a few words.
type choice struct {
	p     *string
	words []string
}

// ChoiceVar sets *p to def and returns a flag value that accepts only the given words. Shells
// complete the words. The default need not be one of them.
func ChoiceVar(p *string, def string, words ...string) pflag.Value {
	*p = def
	return &choice{p, words}
}

func (c *choice) String() string { return *c.p }
func (c *choice) Type() string   { return "WORD" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	*c.p = s
	return nil
}
