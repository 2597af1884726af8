package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// given is the value of a flag as the command line sets it. All flags of all binaries are parsed
// through it, so that none is given and has no effect: an empty text is refused, as of a variable
// of a script that was not set, and so is a second value where there is room for one.
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

// parsed returns f with values that are given. f itself stays as help shows it.
func parsed(f *pflag.FlagSet) *pflag.FlagSet {
	set := newFlagSet()
	f.VisitAll(func(flag *pflag.Flag) {
		own := *flag
		own.Value = given{flag.Value, flag}
		set.AddFlag(&own)
	})
	return set
}
