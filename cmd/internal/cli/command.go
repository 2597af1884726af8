package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/pflag"
)

// maxThreads bounds -T. Each thread holds a few segments in memory.
const maxThreads = 1024

// options are the flags that binaries share.
type options struct {
	output     string
	outputSet  bool // -o was given, if only as "-"
	threads    int
	progress   string
	stats      string
	quiet      bool
	noHints    bool
	verbose    bool
	help       bool
	version    bool
	man        bool
	completion string
}

// definition is a Command with its flags, in the sections that help shows.
type definition struct {
	*Command
	own, common, other *pflag.FlagSet
	opts               options
}

func define(c *Command) *definition {
	d := &definition{Command: c, own: newFlagSet(), common: newFlagSet(), other: newFlagSet()}
	o := &d.opts
	if c.Flags != nil {
		c.Flags(d.own)
	}
	if c.Output {
		d.common.StringVarP(&o.output, "output", "o", "", "write to `FILE`, which appears only when it is complete; not a file that is read")
	}
	if c.Threads {
		d.common.IntVarP(&o.threads, "threads", "T", 0, "use `N` threads; 0 is one for each CPU")
	}
	if c.Progress {
		d.common.Var(ChoiceVar(&o.progress, "auto", "auto", "always", "never"), "progress",
			"draw progress on stderr: `WHEN` is auto, always or never; auto draws on a terminal, unless stdout is a pipe")
	}
	if c.Stats {
		d.common.StringVar(&o.stats, "stats", "", "write statistics to `FILE`, as one JSON object")
	}
	d.common.BoolVarP(&o.quiet, "quiet", "q", false, "no warnings, no progress; errors only")
	d.common.BoolVar(&o.noHints, "no-hints", false, "no lines that begin with hint:; likewise $HEXZ_HINTS=0")
	d.common.BoolVarP(&o.verbose, "verbose", "v", false, "say more on stderr")

	d.other.BoolVarP(&o.help, "help", "h", false, "show this help")
	d.other.BoolVar(&o.version, "version", false, "show the version")
	d.other.BoolVar(&o.man, "man", false, "print the manual page, in roff")
	d.other.Var(ChoiceVar(&o.completion, "", "bash", "zsh", "fish"), "completion",
		"print the completion script for `SHELL`: bash, zsh or fish")
	return d
}

// newFlagSet returns a set whose usage keeps the order of definition.
func newFlagSet() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	return f
}

// execute parses args and runs c, or prints what --help and its like ask for.
func execute(c *Command, env *Env, args []string) error {
	d := define(c)
	if len(args) > 0 && args[0] == completeRequest {
		return printText(env, d.candidates(args[1:]))
	}
	flags := d.all()
	err := flags.Parse(args)
	d.share(flags, env) // after an error, those before the wrong flag are set
	if err != nil {
		return Usagef("%s", plain(err))
	}
	return d.dispatch(flags, env)
}

// all returns the flags of all sections.
func (d *definition) all() *pflag.FlagSet {
	flags := newFlagSet()
	for _, set := range []*pflag.FlagSet{d.own, d.common, d.other} {
		flags.AddFlagSet(parsed(set))
	}
	return flags
}

func (d *definition) dispatch(flags *pflag.FlagSet, env *Env) error {
	switch {
	case d.opts.help:
		return printText(env, d.help())
	case d.opts.version:
		return printText(env, fmt.Sprintf("%s %s\n", d.Name, versionString()))
	case d.opts.man:
		return printText(env, d.man())
	case d.opts.completion != "":
		return printText(env, completionScript(d.Name, d.opts.completion))
	}
	args := flags.Args()
	if err := d.checkArity(args); err != nil {
		return hintValue(err, flags, args)
	}
	if err := d.checkRules(flags); err != nil {
		return err
	}
	env.argsLenAtDash = flags.ArgsLenAtDash()
	if err := env.configure(); err != nil {
		return err
	}
	return d.Run(env, args)
}

// share gives env the values of the shared flags, because they decide how errors are reported.
func (d *definition) share(flags *pflag.FlagSet, env *Env) {
	d.opts.outputSet = flags.Changed("output")
	env.opts = d.opts
}

func printText(env *Env, text string) error {
	_, err := env.Stdout.WriteString(text)
	return err
}

func (d *definition) checkArity(args []string) error {
	switch n := len(args); {
	case n < d.MinArgs && n == 0:
		return Usagef("missing argument: %s", d.Args)
	case n < d.MinArgs:
		return Usagef("too few arguments: %d, needs %d", n, d.MinArgs)
	case d.MaxArgs == 0 && n > 0:
		return Usagef("takes no arguments, but got %q", args[0])
	case d.MaxArgs > 0 && n > d.MaxArgs:
		return Usagef("too many arguments: %d, takes at most %d", n, d.MaxArgs)
	}
	return nil
}

// configure checks the shared flags, and applies them.
func (e *Env) configure() error {
	o := &e.opts
	statsFD, isFD := fdPath(o.stats)
	switch {
	case o.threads < 0 || o.threads > maxThreads:
		return Usagef("--threads must be 0 to %d, not %d", maxThreads, o.threads)
	case o.stats == "-", isFD && statsFD == 1:
		return Usagef("--stats needs a file: standard output is for data")
	}
	e.Threads = o.threads
	if e.Threads == 0 {
		e.Threads = runtime.GOMAXPROCS(0)
	}
	e.Quiet, e.Verbose = o.quiet, o.verbose
	if err := e.openStats(); err != nil {
		return err
	}
	if info, err := e.Stdout.Stat(); err == nil && info.Mode().IsRegular() && (!o.outputSet || o.output == "-") {
		return e.Writes("standard output", e.Stdout.File()) // even if standard output is for text
	}
	return nil
}
