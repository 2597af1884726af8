package cli

import (
	"slices"
	"strings"
	"unicode"
)

// A manItem is the text of a manual page about a variable or a file. It is printed if the binary
// has one of the flags, or in any case if the item lists no flags.
type manItem struct {
	name, text string
	flags      []string
}

// variables are the environment variables that binaries read.
var variables = []manItem{
	{pathVariable, "directories with archives, separated by colons: parents of thin archives are looked for there, after those of --parent-dir", []string{"parent-dir"}},
	{hintsVariable, "0 has the effect of --no-hints", nil},
	{"TMPDIR", "the directory of temporary files, instead of /tmp", []string{tempFlag}},
	{"GOMAXPROCS", "how many threads there are without --threads, instead of one for each CPU", []string{"threads"}},
	{"GOGC", "how often the memory is cleared up: a larger number than 40 is faster and takes more memory", nil},
}

// files are the files that binaries use beside those on the command line.
var files = []manItem{
	{".FILE*", "a temporary file in the directory of the FILE of --output, --stats and the like, renamed to FILE when it is complete", []string{"output", "stats"}},
	{"*.hxz", "archives; those that lie beside the archive, or in a directory of --parent-dir, are tried as parents of it", []string{"parent-dir"}},
	{"$TMPDIR/hexz-*", "temporary files, which have no name while they are used", []string{tempFlag}},
	{"/dev/tty", "the terminal on which a passphrase is asked for", []string{"passphrase-file"}},
}

// tempFlag stands for Command.TempFiles among the flags of a manItem.
const tempFlag = "(temporary files)"

// manItems returns a section of the manual page, or "" if no item of list applies to the binary.
func (d *definition) manItems(title string, list []manItem) string {
	flags := d.all()
	var b strings.Builder
	for _, item := range list {
		if item.flags == nil || slices.ContainsFunc(item.flags, func(name string) bool {
			return flags.Lookup(name) != nil || name == tempFlag && d.TempFiles
		}) {
			b.WriteString(".TP\n.B " + roff(item.name) + "\n" + roffLine(item.text))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return ".SH " + title + "\n" + b.String()
}

// seeAlso returns the references of the manual page: the overview, and the binaries and key formats
// that the page mentions.
func (d *definition) seeAlso() string {
	pages := []string{"hexz(7)"}
	words := strings.FieldsFunc(d.help(), func(r rune) bool { return r != '-' && !unicode.IsLetter(r) })
	slices.Sort(words)
	for _, word := range slices.Compact(words) {
		if word != d.Name && strings.HasPrefix(word, "hexz-") {
			pages = append(pages, word+"(1)")
		}
	}
	for _, tool := range []string{"age", "minisign"} {
		if slices.Contains(words, tool) {
			pages = append(pages, tool+"(1)")
		}
	}
	return ".SH SEE ALSO\n" + roffLine(strings.Join(pages, ", "))
}
