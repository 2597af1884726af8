package cli

import "bytes"

// openStats opens the file of --stats before the work begins, so that a wrong name shows at once.
func (e *Env) openStats() (err error) {
	if e.opts.stats != "" {
		e.stats, err = e.open(e.opts.stats)
	}
	return err
}

// Stats writes v, an object with at least one member, to the file of --stats, as one line of JSON.
// The usage of the process follows the members of v. Without --stats the call does nothing. Call it
// once, after the output is committed.
func (e *Env) Stats(v any) error {
	if e.stats == nil {
		return nil
	}
	own, used := JSON(v), JSON(usageSince(e.start))
	own = append(bytes.TrimSuffix(own, []byte("}")), ',')
	return writeLine(e.stats, append(own, used[1:]...))
}
