package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// given is the value of a flag as the command line sets it. All flags of all binaries are parsed
// through it, so that no flag is given without effect. It refuses an empty text, such as that of a
// script's variable that was not set. It also refuses a second name where only one is used.
type given struct {
	pflag.Value
	flag *pflag.Flag // the flag that has the value
}

// Set implements pflag.Value.
func (g given) Set(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty, as a variable that was not set")
	case g.flag.Changed && g.Type() == "string":
		return errors.New("it was given before, and there can be one only")
	}
	if err := g.Value.Set(text); err != nil {
		return err
	}
	g.flag.Changed = true
	return nil
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
