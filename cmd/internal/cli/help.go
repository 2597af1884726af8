package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// columns is the width of a line of help.
const columns = 80

// usage returns the command line in short form, such as "hexz-chunk [OPTION]... [FILE]...".
func (d *definition) usage() string {
	return strings.TrimSpace(d.Name + " [OPTION]... " + d.Args)
}

// help returns the text of --help, ending in a newline.
func (d *definition) help() string {
	parts := []string{"Usage: " + d.usage(), d.Short, strings.Trim(d.Long, "\n")}
	for _, s := range d.sections() {
		parts = append(parts, s.title+":\n"+strings.TrimRight(shown(s.flags).FlagUsagesWrapped(columns), "\n"))
	}
	if d.Example != "" {
		parts = append(parts, "Examples:\n"+strings.Trim(d.Example, "\n"))
	}
	var b strings.Builder
	for i, p := range parts {
		if p == "" {
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p)
		b.WriteByte('\n')
	}
	return b.String()
}

type section struct {
	title string
	flags *pflag.FlagSet
}

// sections returns the flags as help and man page group them, without empty groups.
func (d *definition) sections() []section {
	all := []section{{"Options", d.own}, {"Common options", d.common}, {"Other", d.other}}
	if !d.own.HasAvailableFlags() {
		return all[1:]
	}
	return all
}
