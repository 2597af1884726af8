package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// completeRequest is the argument by which the scripts of --completion ask for candidates. It
// precedes the other arguments, and asks what may stand in the place of the last of them. The
// binary prints one candidate a line, with its meaning after a tab. The last line is completeWords
// or completeFiles.
const completeRequest = "__complete"

const (
	completeFiles = ":0\n" // there are no candidates: any file is allowed
	completeWords = ":4\n" // only the candidates are allowed
)

// candidates returns the answer to a request of a completion script.
func (d *definition) candidates(args []string) string {
	flags := d.all()
	var waiting *pflag.Flag // the flag that waits for its value
	for len(args) > 1 {
		arg := args[0]
		args = args[1:]
		switch {
		case waiting != nil:
			waiting = nil
		case arg == "--":
			return completeFiles
		default:
			waiting = takesNext(flags, arg)
		}
	}
	last := strings.Join(args, "") // args has one element, or none
	name, value, hasValue := strings.Cut(last, "=")
	switch {
	case waiting != nil:
		return values(waiting)
	case hasValue && strings.HasPrefix(name, "--"):
		return values(flags.Lookup(name[2:]))
	case !hasValue && strings.HasPrefix(last, "-") && value == "":
		return flagNames(flags, last)
	}
	return completeFiles
}

// takesNext returns the flag of arg whose value is the argument after it, or nil.
func takesNext(flags *pflag.FlagSet, arg string) *pflag.Flag {
	var f *pflag.Flag
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		f = flags.Lookup(long) // nil if arg has a value after "="
	} else if short, ok := strings.CutPrefix(arg, "-"); ok {
		for i := range len(short) {
			f = flags.ShorthandLookup(short[i : i+1])
			if f != nil && f.NoOptDefVal == "" && i < len(short)-1 {
				return nil // the value stands in arg
			}
		}
	}
	if f == nil || f.NoOptDefVal != "" {
		return nil
	}
	return f
}

// values returns the values that f, which may be nil, may have.
func values(f *pflag.Flag) string {
	if f != nil {
		g, _ := f.Value.(given)
		if c, ok := g.Value.(*choice); ok {
			return strings.Join(c.words, "\n") + "\n" + completeWords
		}
	}
	return completeFiles
}

// flagNames returns the flags that begin with prefix.
func flagNames(flags *pflag.FlagSet, prefix string) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		for _, name := range []string{"--" + f.Name, "-" + f.Shorthand} {
			if !f.Hidden && name != "-" && strings.HasPrefix(name, prefix) {
				b.WriteString(name + "\t" + usage + "\n")
			}
		}
	})
	return b.String() + completeWords
}
