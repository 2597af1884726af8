package cli

// openStats opens the file of --stats before the work begins, so that a wrong name shows at once.
func (e *Env) openStats() (err error) {
	if e.opts.stats != "" {
		e.stats, err = e.open(e.opts.stats)
	}
	return err
}

// Stats writes v to the file of --stats, as one line of JSON. Without that flag it does nothing.
// It is called once, after the output is committed.
func (e *Env) Stats(v any) error {
	if e.stats == nil {
		return nil
	}
	return writeJSON(e.stats, v)
}
