package main

import (
	"os"
	"syscall"

	"hexz/cmd/internal/cli"
	"hexz/pkg/stage"
)

// execSource packs the output of a command. The command stays in the process group of the pipeline,
// because a terminal lets no other group read, and sends Ctrl-C and Ctrl-Z to this one only. When
// hexz-chunk fails, is stopped or has lost its reader, it therefore looks for the processes that
// the command has started, and ends them.
func execSource(env *cli.Env, name string, argv []string) stage.Source {
	adoptOrphans()
	env.WatchReader()
	env.OnSignal(func() { killDescendants(nil, syscall.SIGKILL) })
	return stage.CommandSource(env.Ctx, name, argv, env.Stdin, os.Stderr, killDescendants)
}
