// Command hexz-diff shows where the content of two archives differs.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/diff"
	"hexz/pkg/index"
	"hexz/pkg/restore"
)

func main() { cli.Main(command()) }

// cacheBytes is the memory for decoded segments of each archive: two together stay below 64 MiB.
const cacheBytes = 12 << 20

// flags holds the values of this binary's flags.
type flags struct {
	diff.Options
	json    bool
	ids     cli.IdentityFlags
	codecs  cli.CodecFlags
	parents cli.ParentFlags
}

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-diff",
		Args:  "A B",
		Short: "Tell where the content of two archives differs",
		Long: `Compares streams of the same name in the archives A and B, which are files, and
prints the ranges of B that differ from A at the same offset. Holes are zeros.
Where one stream is longer, its end is a range that differs. With --totals it
also prints how much of the chunks both have, wherever they are.

If both streams were cut in the same way (chunker, sizes and chunk key), only
the indexes are read, and ranges are exact to bounds of chunks; --exact reads
the chunks that differ, and is exact to the byte. Otherwise what does not have
the same chunks at the same offsets is read and compared byte by byte. Less than
32 equal bytes between two differences count as different. What has equal hashes
is not read: that it is there, and whole, is for hexz-verify to say.

What both have as the same node of their content trees is passed over, so time
and memory follow what differs. --totals takes 40 bytes of memory for each chunk
of A and of B.

The exit code is that of diff: 0 if all is the same, 1 if not, and 2 for any
trouble: wrong usage, a missing file or parent, damaged input. With -q nothing
is printed, and it stops at the first difference.`,
		Example: `  hexz-diff monday.hxz tuesday.hxz
  hexz-diff --json --stream disk monday.hxz tuesday.hxz | jq .streams[0].ranges
  hexz-diff -q monday.hxz tuesday.hxz || echo changed`,
		MinArgs: 2, MaxArgs: 2,
		Progress: true,
		Exit:     []string{"all is the same", "something differs", "trouble of any kind"},
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&o.json, "json", false, "print one JSON object")
			f.StringVar(&o.Stream, "stream", "", "compare the stream `NAME` only")
			f.BoolVar(&o.Exact, "exact", false, "find out which bytes of a chunk differ")
			f.BoolVar(&o.Totals, "totals", false, "count the chunks that are in both, only in A, and only in B")
			o.parents.AddFlags(f)
			o.codecs.AddFlags(f)
			o.ids.AddFlags(f)
		},
		Rules: []cli.Rule{{Flags: []string{"quiet"}, Without: []string{"json", "totals"}}},
		Run: func(env *cli.Env, args []string) error {
			same, err := run(env, &o, args)
			switch {
			case err != nil:
				return exit{err, 2}
			case !same:
				return exit{errors.New(""), 1}
			}
			return nil
		},
	}
}

// exit is an error with an exit code of its own: those of diff(1), not those of other binaries.
type exit struct {
	error
	code int
}

func (e exit) ExitCode() int { return e.code }
func (e exit) Unwrap() error { return e.error }

func run(env *cli.Env, o *flags, args []string) (same bool, err error) {
	ids, err := o.ids.Load(env, false)
	if err != nil {
		return false, err
	}
	var r [2]*archive.Reader
	for i, path := range args {
		find := o.parents.Finder(env, []string{path}, ids)
		defer find.Close()
		in, err := open(env, path, archive.Options{Identities: ids, Find: find.Find, Threads: env.Threads, Codecs: o.codecs.Decoders(env), CacheBytes: cacheBytes})
		if err != nil {
			return false, o.ids.Explain(err)
		}
		defer in.Close()
		r[i] = in.Archive
		o.Names[i] = path
	}
	out := bufio.NewWriter(env.Stdout)
	switch {
	case env.Quiet:
		o.Brief = true
	case o.json:
		printJSON(out, &o.Options)
	default:
		printText(out, &o.Options)
	}
	o.Options.Progress = env.Progress(-1)
	rep, err := diff.Archives(env.Ctx, r[0], r[1], o.Options)
	switch {
	case errors.Is(err, restore.ErrChoose):
		return false, cli.Usagef("%w", err)
	case errors.Is(err, archive.ErrParent):
		return false, cli.WithHint(err, "name the parent by --parent FILE, or where it is by --parent-dir DIR or $HEXZ_PATH")
	case err != nil:
		return false, o.ids.Explain(err)
	case env.Quiet:
	case o.json:
		err = endJSON(out, rep)
	default:
		err = endText(out, rep)
	}
	if err == nil {
		err = out.Flush()
	}
	return rep.Identical, err
}

// open opens an archive in a file.
func open(env *cli.Env, path string, o archive.Options) (*cli.Packed, error) {
	if err := cli.RefuseFIFO(path); err != nil {
		return nil, err
	}
	f, err := env.Input(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	in := &cli.Packed{File: f}
	if err == nil && !info.Mode().IsRegular() {
		err = cli.WithHint(cli.Usagef("not a file, and archives can only be compared in one"), "save it first")
	}
	var file *io.SectionReader
	if err == nil {
		file, err = cli.Section(f)
	}
	switch {
	case err != nil:
	case !index.HasTrailer(file, file.Size()):
		err = cli.NotArchive(f)
	default:
		in.Archive, err = archive.NewReader(file, file.Size(), o)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}
