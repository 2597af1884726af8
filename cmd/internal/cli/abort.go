package cli

import (
	"os"

	"hexz/pkg/stream"
)

// abort tells the stage behind a failed one, which has not written anything yet, what was
// wrong. Otherwise it would only see that there is no input. Wrong usage leaves standard output
// empty.
func (e *Env) abort(c *Command, err error) {
	if err == nil || exitCode(err) == exitUsage || !c.Stream || e.dataOpen || e.opts.outputSet && e.opts.output != "-" {
		return
	}
	if info, statErr := e.Stdout.Stat(); statErr == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		stream.NewWriter(e.Stdout).Abort(c.Name, err)
	}
}
