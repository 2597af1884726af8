// Command hexz-chunk cuts files, devices or the output of a pipe into chunks.
package main

import (
	"slices"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/chunker"
	"hexz/pkg/commit"
	"hexz/pkg/stage"
)

func main() { cli.Main(command()) }

// flags holds the values of this binary's flags, beside the options of the stage.
type flags struct {
	stage.ChunkOptions
	name, chunker string
	keyFile, like string
	format        string
	backing       string
	ids           cli.IdentityFlags
	exec          bool
	origins       map[string]string // of streams: their files, for messages
	set           *pflag.FlagSet
}

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-chunk",
		Args:  "[[NAME=]FILE]... | --exec -- CMD ARG...",
		Short: "Cut files, devices or pipes into chunks",
		Long: `Reads each FILE as one stream, cuts it into chunks, hashes them, and writes a
chunk stream to standard output. Without FILE, or with "-", it reads standard
input. Regular files, block devices and pipes will do; holes of files are found
without reading them, and stay holes. A file is opened when its turn comes.

With --format qcow2 a FILE is packed as a guest sees it, with its backing files
and with zeros and holes as such; packed as it is, its blocks lie elsewhere in
each version. Backing files are opened by the name that the qcow2 file has,
whoever wrote it there; names of protocols, as json: or nbd:, are refused.

A stream is called "disk" unless it is given a NAME. With several FILEs each
needs a NAME of its own. The part before "=" is a NAME unless it has a slash.

An input shares chunks with an archive only if both were cut in the same way:
--like takes that over. If the archive was cut with a chunk key, the same key is
needed.

With --exec, the command and all that it has started end with hexz-chunk: when
that fails, is interrupted, or nobody reads its output any more; but after
SIGKILL only the command itself does. A daemon, with a session of its own, goes
on.`,
		Example: `  hexz-chunk disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz
  hexz-chunk disk=sda.img memory=ram.bin | hexz-seal -o vm.hxz
  hexz-chunk --like monday.hxz disk.img | hexz-dedup --parent monday.hxz | ...
  hexz-chunk --exec -- pg_dump shop | hexz-compress | hexz-seal -o shop.hxz`,
		MaxArgs: -1,
		Stream:  true,
		Threads: true, Output: true, Progress: true, Stats: true,
		Flags: func(f *pflag.FlagSet) {
			o.set = f
			f.Var(cli.ChoiceVar(&o.chunker, "fastcdc", "fastcdc", "fixed"), "chunker", "`KIND` of cutting: fastcdc, at places that depend on the content, or fixed, at a fixed size")
			f.Var(cli.SizeVar(&o.Chunker.Avg, chunker.DefaultAvg), "avg", "average chunk `SIZE` of fastcdc")
			f.Var(cli.SizeVar(&o.Chunker.Min, 0), "min", "minimum chunk `SIZE` of fastcdc (default a quarter of --avg)")
			f.Var(cli.SizeVar(&o.Chunker.Max, 0), "max", "maximum chunk `SIZE` of fastcdc (default four times --avg)")
			f.Var(cli.SizeVar(&o.Chunker.Size, chunker.DefaultSize), "size", "chunk `SIZE` of fixed")
			f.StringVar(&o.keyFile, "chunk-key-file", "", "make the cuts of fastcdc secret with the key in `FILE`; inputs share chunks only if they were cut with the same key")
			f.StringVar(&o.like, "like", "", "cut as `FILE` was cut, an archive or the exported index of one: like its stream of the same name, or its first")
			f.StringVar(&o.name, "name", "disk", "`NAME` of a stream without one")
			f.BoolVar(&o.exec, "exec", false, "pack the output of the command after --, and fail if it fails")
			f.Var(cli.ChoiceVar(&o.format, formatAuto, formatAuto, commit.FormatRaw, commit.FormatQcow2), "format", "`FORMAT` of each FILE: qcow2 packs what a guest sees; raw, and auto, pack the bytes as they are; auto warns of formats that hide them")
			f.Var(cli.ChoiceVar(&o.backing, "", commit.FormatRaw, commit.FormatQcow2), "backing-format", "`FORMAT` of backing files where a qcow2 file does not tell it: raw or qcow2")
			f.Var(cli.OptionalSizeVar(&o.ExpectSize), "expect-size", "fail unless the input has `SIZE` bytes in all")
			f.Var(cli.WordsVar(&o.Digests), "digest", "store digests of whole streams: `LIST` of sha256, blake3")
			o.ids.AddFlags(f)
		},
		Rules: likeRules,
		Run:   func(env *cli.Env, args []string) error { return run(env, &o, args) },
	}
}

func run(env *cli.Env, o *flags, args []string) error {
	if err := o.check(env); err != nil {
		return err
	}
	sources, total, err := o.sources(env, args)
	if err != nil {
		return err
	}
	for i := range sources {
		defer sources[i].Close()
	}
	if err := o.cutLike(env, sources); err != nil {
		return err
	}
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	o.Threads = env.Threads
	if o.format == formatAuto {
		o.Found = func(stream, format string) { env.Warn(opaque(o.origins[stream], format)) }
	}
	o.Progress = env.Progress(total)
	stats, err := stage.Chunk(env.Ctx, out, sources, o.ChunkOptions)
	if err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return env.Stats(stats)
}

// check turns flags into options of the chunker.
func (o *flags) check(env *cli.Env) error {
	fixed := o.chunker == "fixed"
	for _, name := range []string{"size", "min", "avg", "max"} {
		if f := o.set.Lookup(name); f.Changed && fixed != (name == "size") {
			return cli.Usagef("--%s is not for the chunker %s", name, o.chunker)
		}
	}
	if o.format == commit.FormatQcow2 && o.exec {
		return cli.Usagef("--format qcow2 needs a FILE, and no command")
	}
	if o.format != commit.FormatQcow2 && o.set.Changed("backing-format") {
		return cli.Usagef("--backing-format is for --format qcow2")
	}
	if fixed && o.set.Changed("chunk-key-file") {
		return cli.Usagef("--chunk-key-file is not for the chunker fixed: its cuts are no secret")
	}
	if fixed {
		o.Chunker = chunker.Options{Name: chunker.FixedV1, Size: o.Chunker.Size}
	} else {
		o.Chunker.Size = 0
	}
	if _, err := chunker.New(o.Chunker); err != nil {
		return cli.Usagef("%w", err)
	}
	for i, name := range o.Digests {
		if slices.Contains(o.Digests[:i], name) {
			return cli.Usagef("--digest names %s twice", name)
		}
		if err := stage.CheckDigest(name); err != nil {
			return cli.Usagef("%w", err)
		}
	}
	if o.set.Changed("chunk-key-file") {
		key, err := cli.ChunkKey(env, o.keyFile)
		if err != nil {
			return err
		}
		o.Chunker.Key = key
	}
	return nil
}

// sources opens the inputs to pack, and returns their total size in bytes if it is known.
func (o *flags) sources(env *cli.Env, args []string) ([]stage.Source, int64, error) {
	if o.exec {
		if len(args) == 0 || args[0] == "" || env.ArgsLenAtDash() != 0 {
			return nil, 0, cli.Usagef("--exec needs a command after --, and no FILE")
		}
		if err := checkName(o.name); err != nil {
			return nil, 0, err
		}
		o.origins = map[string]string{o.name: "the output of the command"}
		// What the command reads is not to be written over either.
		if err := env.Reads("standard input", env.Stdin); err != nil {
			return nil, 0, err
		}
		return []stage.Source{execSource(env, o.name, args)}, -1, nil
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	var sources []stage.Source
	total := int64(0)
	o.origins = map[string]string{}
	unnamed := false
	for _, arg := range args {
		name, path, ok := cli.SplitName(arg)
		if !ok {
			name, unnamed = o.name, true
		}
		if _, twice := o.origins[name]; name == "" || twice {
			return nil, 0, cli.WithHint(cli.Usagef("two streams would be named %q, or one has no name", name), "give each FILE a name: disk=sda.img memory=ram.bin")
		}
		if err := checkName(name); err != nil {
			return nil, 0, err
		}
		o.origins[name] = origin(path)
		src, err := o.source(env, name, path)
		if err != nil {
			return nil, 0, cli.ExplainInput(arg, path, err)
		}
		sources = append(sources, src)
		if src.Size < 0 {
			total = -1
		} else if total >= 0 {
			total += src.Size
		}
	}
	return sources, total, o.checkNamed(unnamed)
}
