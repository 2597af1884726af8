// Command bench measures hexz beside other tools: see README.md.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

const usage = `usage: bench/run [COMMAND] [OPTION]... [ARGUMENT]...

  pack                packs, restores and checks with all tools; writes RESULTS.md and
                      results.json. Without a COMMAND, too
  versions [PART]...  what later versions cost; parts: pairs chain qcow2 scattered remote
  deltas [PART]...    what hexz-delta saves and costs; parts: pairs reads days memory
  sizes [PART]...     whether a version costs what has changed; parts: images files chain
  randread            random reads of disk-b.img in several formats
  faults FILE         what is left of FILE after damage of the storage
  report              writes RESULTS.md anew from results.json

All but pack and report print their report.

`

const (
	resultsFile = "results.json"
	reportFile  = "RESULTS.md"
)

// options are those of all commands.
type options struct {
	command, corpus, out string
	quick                bool
	rounds, trials, seed int
	mibs                 int64
	tools, steps, images []string
	args                 []string
}

// usageError is a mistake in the arguments.
type usageError string

func (e usageError) Error() string { return string(e) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := attempt(func() { run(ctx, parse(os.Args[1:])) })
	stop()
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	if wrong := usageError(""); errors.As(err, &wrong) {
		os.Exit(2)
	}
	os.Exit(1)
}

func parse(args []string) *options {
	o := &options{command: "pack"}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.command, args = args[0], args[1:]
	}
	f := pflag.NewFlagSet("bench/run", pflag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(os.Stderr, usage, f.FlagUsagesWrapped(80))
	}
	f.BoolVar(&o.quick, "quick", false, "small inputs and two rounds, to try the program: the numbers mean little")
	f.StringVar(&o.corpus, "corpus", filepath.Join(must(os.UserCacheDir()), "hexz-bench"), "`DIR` of the inputs, which are made when they are needed; what is packed goes there, too")
	f.StringVar(&o.out, "out", "", "`DIR` of "+reportFile+" and "+resultsFile+" (default bench; with --quick that of the inputs)")
	f.IntVar(&o.rounds, "rounds", 0, "`N` rounds (default 5 of pack and randread, 1 of others; with --quick 2)")
	f.StringSliceVar(&o.tools, "tools", nil, "`NAMES` of tools, with commas between: these and hexz (default all that are installed)")
	f.StringSliceVar(&o.steps, "steps", packSteps, "`NAMES` of steps of pack")
	f.StringSliceVar(&o.images, "images", nil, "of sizes: `SIZES` of images, the smallest first (default 8G,256G; with --quick 64M,1G)")
	f.IntVar(&o.trials, "trials", 34, "of faults: `N` of each fault and tool")
	f.IntVar(&o.seed, "seed", 1, "of faults: `N` chooses the places")
	f.Int64Var(&o.mibs, "size", 64, "of faults: `MIB` of FILE")
	if err := f.Parse(args); errors.Is(err, pflag.ErrHelp) {
		check(err)
	} else if err != nil {
		check(usageError(err.Error()))
	}
	for _, step := range o.steps {
		if !slices.Contains(packSteps, step) {
			check(usageError("there is no step " + step))
		}
	}
	o.args = f.Args()
	return o
}

func run(ctx context.Context, o *options) {
	if o.command == "edit" { // of bench/debian, which works on the files of a day
		if len(o.args) != 2 {
			check(usageError("edit needs ROOT and DAY"))
		}
		edit(o.args[0], must(strconv.Atoi(o.args[1])), 1)
		return
	}
	bin := filepath.Dir(must(os.Executable()))
	check(os.Setenv("PATH", bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin"), os.Setenv("LC_ALL", "C.UTF-8"))
	s := &Session{Runner: Runner{ctx, filepath.Join(bin, "meter")}, Out: os.Stdout, root: filepath.Dir(bin),
		corpus: must(filepath.Abs(o.corpus)), quick: o.quick, Rounds: o.rounds, only: o.tools, begin: time.Now()}
	out, rounds := filepath.Join(s.root, "bench"), 1
	if o.command == "pack" || o.command == "randread" {
		rounds = 5
	}
	if s.quick {
		s.corpus = filepath.Join(s.corpus, "quick")
		out, rounds = s.corpus, 2
	}
	s.Rounds = cmp.Or(s.Rounds, rounds)
	check(os.MkdirAll(s.corpus, 0o777))
	s.Work = must(os.MkdirTemp(s.corpus, "work-"))
	defer os.RemoveAll(s.Work)
	s.dispatch(o, cmp.Or(o.out, out))
}

func (s *Session) dispatch(o *options, out string) {
	switch o.command {
	case "pack":
		s.packAll(o.steps, out)
	case "versions":
		s.parts(s.heading(versionsHead), versionParts(), o.args)
	case "deltas":
		s.parts(s.heading(deltasHead), deltaParts(), o.args)
	case "sizes":
		s.anySize(o)
	case "randread":
		s.imageReads(s.inputs("disk-b.img")[0])
		s.print("%s", s.randomReadsTable())
		check(s.failures()...)
	case "faults":
		if len(o.args) != 1 {
			check(usageError("faults needs a FILE"))
		}
		s.faults(o.args[0], o.mibs*mib, o.trials, o.seed)
	case "report":
		writeReport(out)
	default:
		check(usageError("there is no command " + o.command))
	}
}

// writeReport makes RESULTS.md of results.json.
func writeReport(dir string) {
	var r Report
	check(json.Unmarshal(must(os.ReadFile(filepath.Join(dir, resultsFile))), &r))
	check(os.WriteFile(filepath.Join(dir, reportFile), []byte(r.String()), 0o666))
}
