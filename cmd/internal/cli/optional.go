package cli

import (
	"fmt"

	"github.com/spf13/pflag"
)

// optionalValue reports whether a flag may stand without a value, and has one only after "=".
func optionalValue(f *pflag.Flag) bool {
	return f.NoOptDefVal != "" && f.Value.Type() != "bool"
}

// shown returns flags as help shows them: a value that may be left out as --flag[=VALUE].
func shown(flags *pflag.FlagSet) *pflag.FlagSet {
	set := newFlagSet()
	flags.VisitAll(func(f *pflag.Flag) {
		own := *f
		if optionalValue(f) {
			value, usage := pflag.UnquoteUsage(f)
			// The two backquotes are an empty name of the value.
			own.Name, own.Usage, own.NoOptDefVal = f.Name+"[="+value+"]", "``"+usage, ""
		}
		set.AddFlag(&own)
	})
	return set
}

// hintValue adds to err, about args, that a value was left as an argument of its own.
func hintValue(err error, flags *pflag.FlagSet, args []string) error {
	if err == nil || len(args) == 0 {
		return err
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && optionalValue(f) && f.Value.String() == f.NoOptDefVal {
			err = WithHint(err, fmt.Sprintf("a value of --%s stands after an equals sign: --%s=%s", f.Name, f.Name, args[0]))
		}
	})
	return err
}
