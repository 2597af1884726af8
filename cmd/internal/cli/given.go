package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// given is the value of a flag as the command line sets it. All flags of all binaries are parsed
// through it, so that no flag is given without effect. It refuses an empty text, such as that of a
// script's variable that was not set. It also refuses a second value where only one is used.
type given struct {
	pflag.Value
	flag *pflag.Flag // the flag that has the value
}

// Set implements pflag.Value.
func (g given) Set(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty, as a variable that was not set")
	case g.flag.Changed && g.single():
		return errors.New("it was given before, and there can be one only")
	}
	if err := g.Value.Set(text); err != nil {
		return err
	}
	g.flag.Changed = true
	return nil
}

// single reports whether the flag takes one value. Switches and plain numbers, such as -T and -l,
// may be given again, and those that collect values are meant to be.
func (g given) single() bool {
	switch g.Value.(type) {
	case *choice, *codecCommand, *descriptor, sized:
		return true
	}
	return g.Type() == "string"
}

// parsed returns a copy of f that parses its values through given. f itself stays as help shows it.
func parsed(f *pflag.FlagSet) *pflag.FlagSet {
	set := newFlagSet()
	f.VisitAll(func(flag *pflag.Flag) {
		own := *flag
		own.Value = given{flag.Value, flag}
		set.AddFlag(&own)
	})
	return set
}
