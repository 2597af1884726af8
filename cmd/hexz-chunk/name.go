package main

import (
	"hexz/cmd/internal/cli"
	"hexz/pkg/stream"
)

func checkName(name string) error {
	if !stream.ValidName(name) {
		return cli.Usagef("the name of a stream is UTF-8, of 1 to %d bytes", stream.MaxName)
	}
	return nil
}

// checkNamed refuses a --name that no stream gets. unnamed means that there is a FILE without
// NAME=.
func (o *flags) checkNamed(unnamed bool) error {
	if !unnamed && o.set.Changed("name") {
		return cli.Usagef("--name is for a FILE without NAME=, and there is none")
	}
	return nil
}
