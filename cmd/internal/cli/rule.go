package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A Rule says with which other flags some flags have an effect. Breaking it is wrong usage, so that
// no flag is given in vain. Run checks whatever depends on more than flags.
type Rule struct {
	Flags   []string // names, each of which
	With    []string // needs one of these, unless the list is empty
	Without []string // and excludes each of these
}

// Names of flags that several binaries have, for their rules.
var (
	ParentNames = []string{"parent", "parent-dir", "follow-hints"}
	KeyNames    = []string{"identity", "passphrase-file", "passphrase-fd", "passphrase-command"}
)

// common are the rules of all binaries.
var common = []Rule{
	{Flags: []string{"quiet"}, Without: []string{"verbose"}},
	{Flags: []string{"passphrase-file"}, Without: []string{"passphrase-fd", "passphrase-command"}},
	{Flags: []string{"passphrase-fd"}, Without: []string{"passphrase-command"}},
}

// checkRules returns a usage error for the first flag that breaks a rule.
func (d *definition) checkRules(set *pflag.FlagSet) error {
	has := func(name string) bool { return isGiven(set, name) }
	for _, r := range slices.Concat(d.Rules, common) {
		for _, name := range r.Flags {
			if !has(name) {
				continue
			}
			if len(r.With) > 0 && !slices.ContainsFunc(r.With, has) {
				return Usagef("--%s needs --%s", name, strings.Join(r.With, " or --"))
			}
			if i := slices.IndexFunc(r.Without, has); i >= 0 {
				return Usagef("--%s and --%s exclude each other", name, r.Without[i])
			}
		}
	}
	return nil
}

// isGiven reports whether the set has the flag and it is given, other than as --name=false.
func isGiven(set *pflag.FlagSet, name string) bool {
	f := set.Lookup(name)
	return f != nil && f.Changed && (f.Value.Type() != "bool" || f.Value.String() == "true")
}
