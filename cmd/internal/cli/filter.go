package cli

import (
	"context"
	"io"
)

// Filter runs a binary that reads one stream, the FILE of args or standard input, and writes one
// stream to the output. It opens both, calls do, commits the output, and writes the stats that do
// returns.
func Filter[S any](env *Env, args []string, do func(ctx context.Context, dst io.Writer, src io.Reader, progress func(int64)) (S, error)) error {
	in, err := OpenInput(env, args)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	stats, err := do(env.Ctx, out, in.Reader(), env.Progress(-1))
	if err != nil {
		return in.Explain(err)
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return env.Stats(stats)
}
