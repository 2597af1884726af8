package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"hexz/pkg/codec"
	"hexz/pkg/stream"
)

// CodecFlags are commands that decode payloads of codecs that hexz does not implement.
type CodecFlags struct{ commands []codecCommand }

// AddFlags adds the flag to f.
func (c *CodecFlags) AddFlags(f *pflag.FlagSet) {
	f.Var((*codecCommands)(&c.commands), "codec-command", "decode payloads of an unknown codec by a shell command, from its stdin to its stdout: `NAME=COMMAND`, such as xz='xz -dc'; may be repeated")
}

// Decoders returns functions that run the commands.
func (c *CodecFlags) Decoders(env *Env) codec.Decoders {
	decoders := codec.Decoders{}
	for _, command := range c.commands {
		decoders[command.name] = func(src []byte, rawLen int) ([]byte, error) {
			out, err := command.run(env, src, rawLen)
			if len(out) > rawLen {
				return nil, fmt.Errorf("%w: %q makes more than %d bytes", codec.ErrCorrupt, command.line, rawLen)
			}
			return out, err
		}
	}
	return decoders
}

// EncodeFlag is a command that encodes payloads.
type EncodeFlag struct{ command codecCommand }

// AddFlags adds the flag to f.
func (e *EncodeFlag) AddFlags(f *pflag.FlagSet) {
	f.Var(&e.command, "command", "encode by a shell command, from its stdin to its stdout, and call that codec NAME: `NAME=COMMAND`, such as xz='xz -c'; nobody checks what it makes, unless --codec-command says how to decode NAME")
}

// Encoder returns the name of the codec, and a function that runs the command. Without the flag
// they are "" and nil.
func (e *EncodeFlag) Encoder(env *Env) (name string, encode codec.EncodeFunc) {
	if e.command.name == "" {
		return "", nil
	}
	return e.command.name, func(src []byte) ([]byte, error) { return e.command.run(env, src, len(src)) }
}

// codecCommand is a codec with its command. It is a flag value.
type codecCommand struct{ name, line string }

func (c *codecCommand) String() string {
	if c.name == "" {
		return ""
	}
	return c.name + "=" + c.line
}

func (c *codecCommand) Type() string { return "NAME=COMMAND" }

func (c *codecCommand) Set(s string) error {
	name, line, _ := strings.Cut(s, "=")
	switch {
	case name == "" || strings.TrimSpace(line) == "":
		return errors.New("must be NAME=COMMAND, neither of them empty")
	case len(name) > stream.MaxCodecName:
		return fmt.Errorf("the name of a codec has up to %d bytes", stream.MaxCodecName)
	case codec.Known(name):
		return fmt.Errorf("%s is a codec of hexz: choose another name", name)
	}
	*c = codecCommand{name, line}
	return nil
}

// codecCommands is a flag value of several commands, each with a name.
type codecCommands []codecCommand

func (c *codecCommands) String() string { return "" } // no default

func (c *codecCommands) Type() string { return "NAME=COMMAND" }

func (c *codecCommands) Set(s string) error {
	var command codecCommand
	if err := command.Set(s); err != nil {
		return err
	}
	for _, other := range *c {
		if other.name == command.name {
			return fmt.Errorf("there are two commands for %s", other.name)
		}
	}
	*c = append(*c, command)
	return nil
}
