package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"hexz/pkg/salvage"
)

// SalvageFlags are the flags of binaries that read the remains of a damaged input.
type SalvageFlags struct {
	On     bool
	report string
	out    *Output
}

// AddFlags adds --report, and the flag called name, which turns salvage on.
func (s *SalvageFlags) AddFlags(f *pflag.FlagSet, name, usage string) {
	f.BoolVar(&s.On, name, false, usage)
	f.StringVar(&s.report, "report", "", "with --"+name+": write to `FILE` what is lost, as one JSON object")
}

// Open opens the file of --report, before the work begins.
func (s *SalvageFlags) Open(env *Env) (err error) {
	fd, isFD := fdPath(s.report)
	if s.report == "-" || isFD && fd == 1 {
		return Usagef("--report needs a file: standard output is for data")
	}
	if s.report != "" {
		s.out, err = env.open(s.report)
	}
	return err
}

// Close writes the report, after the output is committed. A loss is an error with exit code 3.
func (s *SalvageFlags) Close(r *salvage.Report) error {
	if s.out != nil {
		if err := writeJSON(s.out, r); err != nil {
			return err
		}
	}
	if r.Whole() {
		return nil
	}
	text := fmt.Sprintf("%s lost in %s", FormatSize(r.LostBytes), Counted(r.LostRanges, "place"))
	if r.Unknown {
		text += ", and more of a length that is not known"
	}
	var err error = lostError(text)
	if s.out == nil {
		err = WithHint(err, "--report FILE lists what is lost")
	}
	return err
}

// lostError says that the output is not complete.
type lostError string

func (e lostError) Error() string { return string(e) }
func (e lostError) ExitCode() int { return exitCorrupt }
