package main

import "errors"

// This program is a script: most of what it does is running commands, one after the other, and a command
// that fails ends the work at hand. So it does not return errors from call to call: check panics, and
// attempt, which stands around what may fail by itself, has the error.

type failure struct{ error }

// check ends the work at hand if there is an error.
func check(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(failure{err})
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// attempt calls work, and returns the error that has ended it.
func attempt(work func()) (err error) {
	defer func() {
		if e := recover(); e != nil {
			f, ok := e.(failure)
			if !ok {
				panic(e)
			}
			err = f.error
		}
	}()
	work()
	return nil
}
