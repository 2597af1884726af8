// Command hexz-inspect reports what an archive or chunk stream holds.
package main

import (
	"bufio"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
)

func main() { cli.Main(command()) }

// flags holds the values of this binary's flags.
type flags struct {
	json, segments, chunks bool
	chain, index           bool
	open, nodes            bool
	export                 string
	ids                    cli.IdentityFlags
	parents                cli.ParentFlags
	set                    *pflag.FlagSet
}

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-inspect",
		Args:  "[FILE]",
		Short: "Report what an archive or chunk stream holds",
		Long: `Reports on FILE or standard input: id, streams, sizes, what was saved by dedup
and by compression, codecs, stages, and the sizes of chunks. Of an archive in a
file only the index is read.

With --segments or --chunks it prints one line for each instead, of fields that
are separated by tabs under a heading, or of JSON.

For an encrypted archive it reports what is known without a key, or all with -i
or the passphrase. With --export-signed it writes instead what minisign needs:
PREFIX.txt, the text that was signed, and PREFIX.KEYID.minisig, the signatures.

With --chain it draws what a thin archive depends on: its parents, theirs, and
so on; how large each file is, how much data it has itself, and how much of the
content above it is taken from it. A parent that is not found is "missing". The
exit code is 1 if one is missing that is needed to restore FILE.

With --export-index it writes the index of an archive to standard output or -o:
all that hexz-dedup --parent and hexz-chunk --like need to know of the archive,
in a hundredth of its size. It needs no key, but to use it needs one. With
--open it needs the key, and to use it needs none: it shows the hash and length
of each chunk, names and sizes, to whoever reads it.`,
		Example: `  hexz-inspect disk.hxz
  hexz-inspect --json disk.hxz | jq .dedup_ratio
  hexz-chunk --avg 8K disk.img | hexz-inspect --chunks | cut -f 3 | sort -n
  hexz-inspect --chain tuesday.hxz
  hexz-inspect --export-index monday.hxz | ssh host 'cat > monday.hxi'`,
		MaxArgs: 1,
		Output:  true,
		Flags: func(f *pflag.FlagSet) {
			o.set = f
			f.BoolVar(&o.json, "json", false, "print JSON")
			f.BoolVar(&o.segments, "segments", false, "print one line for each segment")
			f.BoolVar(&o.chunks, "chunks", false, "print one line for each chunk, run of zeros, hole, reference and node")
			f.StringVar(&o.export, "export-signed", "", "write the signed text and the signatures to files whose names begin with `PREFIX`")
			f.BoolVar(&o.chain, "chain", false, "draw the tree of parents of a thin archive")
			f.BoolVar(&o.index, "export-index", false, "write the index of the archive, for hexz-dedup --parent where the archive is not")
			f.BoolVar(&o.nodes, "nodes", false, "with --export-index: only the nodes of the content trees, a twentieth of the index; with it hexz-dedup finds whole unchanged parts, of some 23 chunks or more, and no single chunks")
			f.BoolVar(&o.open, "open", false, "with --export-index: leave the index of an encrypted archive unencrypted; it shows hashes and lengths of all chunks")
			o.parents.AddFlags(f)
			o.ids.AddFlags(f)
		},
		Rules: rules,
		Run:   func(env *cli.Env, args []string) error { return o.ids.Explain(run(env, &o, args)) },
	}
}

// rules allow at most one kind of report.
var rules = []cli.Rule{
	{Flags: []string{"segments"}, Without: []string{"chunks", "export-signed", "chain", "export-index"}},
	{Flags: []string{"chunks"}, Without: []string{"export-signed", "chain", "export-index"}},
	{Flags: []string{"export-signed"}, Without: append(cli.KeyNames, "chain", "export-index", "json")},
	{Flags: []string{"export-index"}, Without: []string{"chain", "json"}},
	{Flags: []string{"open"}, With: []string{"export-index"}},
	{Flags: []string{"nodes"}, With: []string{"export-index"}},
	{Flags: []string{"output"}, With: []string{"export-index"}},
	{Flags: cli.ParentNames, With: []string{"chain"}},
}

func run(env *cli.Env, o *flags, args []string) error {
	for _, name := range cli.KeyNames {
		if o.index && !o.open && o.set.Changed(name) {
			return cli.Usagef("--%s is for --export-index with --open only: an index is exported without a key", name)
		}
	}
	ids, err := o.ids.Load(env, true)
	if err != nil {
		return err
	}
	if len(args) > 0 && (o.export != "" || o.index || o.chain) {
		if err := cli.RefuseFIFO(args[0]); err != nil {
			return err
		}
	}
	find := o.parents.Finder(env, args, ids)
	defer find.Close()
	in, err := cli.OpenPacked(env, args, archive.Options{Identities: ids, Find: find.Find})
	if err != nil {
		return err
	}
	defer in.Close()
	if o.export != "" {
		return export(env, in, o.export)
	}
	if o.index {
		return in.Explain(exportIndex(env, in, index.ExportOptions{Open: o.open, NodesOnly: o.nodes}))
	}
	out := bufio.NewWriter(env.Stdout)
	if o.chain {
		if err := chain(out, o, in, inspect.ChainOptions{Identities: ids, Find: find.Find}); err != nil {
			return in.Explain(err)
		}
		return out.Flush()
	}
	opts := o.lines(out)
	opts.Identities = ids
	var rep *inspect.Report
	if in.Archive != nil {
		rep, err = inspect.Archive(in.Archive, opts)
	} else {
		rep, err = inspect.Stream(in.Reader(), opts)
	}
	if err == nil && !o.segments && !o.chunks {
		if o.json {
			err = encode(out, rep)
		} else {
			err = printReport(out, rep)
		}
	}
	if err != nil {
		return in.Explain(err)
	}
	return out.Flush()
}

// encode prints v as one line of JSON.
func encode(w io.Writer, v any) error {
	_, err := w.Write(append(cli.JSON(v), '\n'))
	return err
}
