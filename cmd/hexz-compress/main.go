// Command hexz-compress regroups and encodes the payloads of a chunk stream.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/stage"
	"hexz/pkg/stream"
)

func main() { cli.Main(command()) }

// flags holds the values of this binary's flags, beside the options of the stage.
type flags struct {
	stage.CompressOptions
	decompress bool
	dict       string
	command    cli.EncodeFlag
	codecs     cli.CodecFlags
	set        *pflag.FlagSet
}

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-compress",
		Args:  "[FILE]",
		Short: "Compress the payloads of a chunk stream",
		Long: `Reads a chunk stream from FILE or standard input, groups its data chunks into
segments, compresses each segment as a whole, and writes the stream to standard
output. A segment that does not become smaller is stored as it is. A stream that
is compressed already is compressed anew.

Levels: zstd 1 to 22, of which 1-2, 3-5, 6-9 and 10-22 are alike (default 3);
lz4 1 (fast, default) to 9; s2 1 (default) to 3.

With --command, a shell command encodes: it is run for each segment, of which it
gets the bytes on its standard input, -T of them at a time. Whoever reads that
has to give --codec-command with a command that decodes. Given here too, for the
same NAME, it decodes each segment once it is encoded, and what differs is an
error. Without it nobody has checked that what the command makes can be decoded;
hexz-verify --level content --codec-command NAME=COMMAND checks an archive.`,
		Example: `  hexz-chunk disk.img | hexz-dedup | hexz-compress -l 9 | hexz-seal -o disk.hxz
  hexz-compress -d disk.hxs | hexz-compress -c lz4 | hexz-seal -o disk.hxz
  hexz-chunk a | hexz-compress -b 4M --command xz='xz -c' \
    --codec-command xz='xz -dc' | hexz-seal -o a.hxz
  hexz-cat --codec-command xz='xz -dc' a.hxz`,
		MaxArgs: 1,
		Stream:  true,
		Threads: true, Output: true, Progress: true, Stats: true,
		Flags: func(f *pflag.FlagSet) {
			o.set = f
			f.VarP(cli.ChoiceVar(&o.Codec, codec.Zstd, codec.Zstd, codec.LZ4, codec.S2, codec.None), "codec", "c", "`CODEC` to use: zstd, lz4, s2 or none")
			f.IntVarP(&o.Level, "level", "l", 0, "compression `LEVEL` (default depends on the codec)")
			f.VarP(cli.SizeVar(&o.Block, flow.DefaultBlock), "block", "b", "raw `SIZE` at which a segment is full")
			f.Var(cli.SizeVar(&o.TrainDict, 0), "train-dict", "train a zstd dictionary of `SIZE` from the first 16 MiB of the stream; use it if it gains 3 % or more, and more than its own length")
			f.Lookup("train-dict").NoOptDefVal = "112KiB"
			f.StringVar(&o.dict, "dict", "", "use the zstd dictionary in `FILE`")
			o.command.AddFlags(f)
			o.codecs.AddFlags(f)
			f.BoolVarP(&o.decompress, "decompress", "d", false, "decode all payloads instead")
		},
		Rules: []cli.Rule{
			{Flags: []string{"decompress"}, Without: []string{"codec", "level", "block", "dict", "train-dict", "command"}},
			{Flags: []string{"command"}, Without: []string{"codec", "level", "dict", "train-dict"}},
			{Flags: []string{"dict"}, Without: []string{"train-dict"}},
		},
		Run: func(env *cli.Env, args []string) error { return run(env, &o, args) },
	}
}

func run(env *cli.Env, o *flags, args []string) error {
	if err := o.check(env); err != nil {
		return err
	}
	return cli.Filter(env, args, func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (*flow.Stats, error) {
		if o.decompress {
			return stage.Decompress(ctx, dst, src, stage.DecompressOptions{Threads: env.Threads, Codecs: o.Codecs, Progress: progress, OnParent: env.Needs})
		}
		o.Threads, o.Progress, o.OnParent = env.Threads, progress, env.Needs
		return stage.Compress(ctx, dst, src, o.CompressOptions)
	})
}

// check turns flags into options.
func (o *flags) check(env *cli.Env) error {
	if err := o.checkCombination(); err != nil {
		return err
	}
	o.Codecs = o.codecs.Decoders(env)
	if o.Block < 1 || o.Block > stream.MaxPayload {
		return cli.Usagef("block size %s is not between 1 and %s", cli.FormatSize(int64(o.Block)), cli.FormatSize(stream.MaxPayload))
	}
	if o.set.Changed("train-dict") && (o.TrainDict < minTrainDict || o.TrainDict > stream.MaxDict) {
		return cli.Usagef("a dictionary has %s to %s", cli.FormatSize(minTrainDict), cli.FormatSize(stream.MaxDict))
	}
	if o.dict != "" {
		dict, err := readDict(env, o.dict)
		if err != nil {
			return err
		}
		o.Dict = dict
	}
	if name, encode := o.command.Encoder(env); encode != nil {
		o.Codec, o.Encode = name, encode
	} else if _, err := codec.NewEncoder(codec.Options{Name: o.Codec, Level: o.Level, Dict: o.Dict}); err != nil {
		if o.dict != "" {
			err = fmt.Errorf("%s: %w", o.dict, err)
		}
		return cli.Usagef("%w", err)
	}
	o.Note = func(s string) { env.Verbosef("%s", s) }
	return nil
}

// minTrainDict is the least size of a dictionary to train.
const minTrainDict = 1 << 10

// levels holds the greatest level of each codec, see the help text.
var levels = map[string]int{codec.Zstd: 22, codec.LZ4: 9, codec.S2: 3, codec.None: 0}

// checkCombination refuses flags that would have no effect.
func (o *flags) checkCombination() error {
	if o.set.Changed("command") {
		return nil // a command replaces the codec and its level
	}
	if (o.dict != "" || o.set.Changed("train-dict")) && o.Codec != codec.Zstd {
		return cli.Usagef("only zstd takes a dictionary")
	}
	if o.set.Changed("level") && (o.Level < 1 || o.Level > levels[o.Codec]) {
		if o.Codec == codec.None {
			return cli.Usagef("the codec none has no levels")
		}
		return cli.Usagef("level %d of %s is not between 1 and %d", o.Level, o.Codec, levels[o.Codec])
	}
	return nil
}

func readDict(env *cli.Env, path string) ([]byte, error) {
	f, err := env.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dict, err := io.ReadAll(io.LimitReader(f, stream.MaxDict+1))
	if err == nil && len(dict) > stream.MaxDict {
		err = fmt.Errorf("%s: a dictionary can have up to %s", path, cli.FormatSize(stream.MaxDict))
	}
	return dict, err
}
