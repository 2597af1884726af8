package cli

import (
	"bytes"
	"errors"
	"os"

	"hexz/internal/patient"
	"hexz/pkg/stream"
)

// abort tells the next stage what was wrong, if this one has not written anything yet. Otherwise
// the next stage would only see that there is no input.
func (e *Env) abort(c *Command, err error) {
	if err == nil || !c.Stream || e.dataOpen || e.opts.outputSet && e.opts.output != "-" {
		return
	}
	info, statErr := e.Stdout.Stat()
	if statErr != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	if f, ok := e.console.w.(*patient.File); ok {
		if stderr, err := f.Stat(); err == nil && os.SameFile(info, stderr) {
			return // standard output goes to a reader of messages
		}
	}
	stream.NewWriter(&Output{f: e.Stdout.File(), stdout: true, ctx: e.Ctx, console: e.console}).Abort(c.Name, err)
}

// Console implements stream.Console. A stage that is ended by a signal prints no message.
func (o *Output) Console() []byte {
	if o.ctx.Err() != nil {
		return nil
	}
	return o.console.id()
}

// printed reports whether err is the failure of another stage whose message already appears where
// this stage prints: on the same terminal, in the same log, or in the same mail of cron.
func (e *Env) printed(err error) bool {
	aborted, ok := errors.AsType[*stream.AbortError](err)
	return ok && len(aborted.Printed) > 0 && bytes.Equal(aborted.Printed, e.console.id())
}
