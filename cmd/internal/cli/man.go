package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// man returns the manual page in roff. It depends on the definition alone, so it is the same
// bytes each time: no date, no version.
//
// No generator is used, because generators take the text for Markdown. Markdown eats <angle
// brackets> and stars, and turns the hyphens of options into typographic ones.
func (d *definition) man() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" \"1\" \"\" \"hexz\" \"hexz manual\"\n.nh\n.ad l\n", strings.ToUpper(roff(d.Name)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(d.Name), roff(d.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fR %s\n", roff(d.Name), roff(strings.TrimSpace("[OPTION]... "+d.Args)))
	b.WriteString(".SH DESCRIPTION\n")
	if d.Long == "" {
		b.WriteString(roffLine(d.Short))
	}
	for _, p := range paragraphs(d.Long) {
		b.WriteString(p)
	}
	b.WriteString(".SH OPTIONS\n")
	for _, s := range d.sections() {
		fmt.Fprintf(&b, ".SS %s\n", s.title)
		s.flags.VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	}
	b.WriteString(".SH EXIT STATUS\n")
	for code, meaning := range d.exitStatus() {
		if meaning == "" {
			continue // no command ends with this code
		}
		fmt.Fprintf(&b, ".TP\n.B %d\n%s", code, roffLine(meaning))
	}
	if d.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + verbatim(strings.Split(strings.Trim(d.Example, "\n"), "\n")))
	}
	b.WriteString(d.manItems("ENVIRONMENT", variables))
	b.WriteString(d.manItems("FILES", files))
	b.WriteString(d.seeAlso())
	return b.String()
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	b.WriteString(".TP\n")
	if f.Shorthand != "" {
		fmt.Fprintf(b, "\\fB\\-%s\\fR, ", roff(f.Shorthand))
	}
	fmt.Fprintf(b, "\\fB\\-\\-%s\\fR", roff(f.Name))
	if optionalValue(f) {
		fmt.Fprintf(b, "[=\\fI%s\\fR]", roff(value))
	} else if value != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", roff(value))
	}
	if !slices.Contains([]string{"", "0", "false", "[]"}, f.DefValue) {
		usage += " (default " + f.DefValue + ")"
	}
	b.WriteString("\n" + roffLine(usage))
}

// paragraphs turns plain text into roff. A paragraph is filled, unless it has indented lines or
// list items: those keep their lines.
func paragraphs(text string) []string {
	var out []string
	for p := range strings.SplitSeq(text, "\n\n") {
		p = strings.Trim(p, "\n")
		if p == "" {
			continue
		}
		lines := strings.Split(p, "\n")
		if slices.ContainsFunc(lines, keepsLine) {
			out = append(out, verbatim(lines))
			continue
		}
		s := ".PP\n"
		for _, l := range lines {
			s += roffLine(l)
		}
		out = append(out, s)
	}
	return out
}

func keepsLine(l string) bool {
	return strings.HasPrefix(l, " ") || strings.HasPrefix(l, "- ") || strings.HasPrefix(l, "* ")
}

func verbatim(lines []string) string {
	s := ".PP\n.nf\n"
	for _, l := range lines {
		s += roffLine(l)
	}
	return s + ".fi\n"
}

// roffLine returns s as a line of text that roff does not take for a request.
func roffLine(s string) string {
	s = roff(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s + "\n"
}

// roff escapes the characters that roff would interpret or replace by typographic ones.
func roff(s string) string { return roffEscapes.Replace(s) }

var roffEscapes = strings.NewReplacer(
	`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`)
