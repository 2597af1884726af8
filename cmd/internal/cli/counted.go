package cli

import "fmt"

// Counted returns a number with what it counts, such as "1 chunk" and "2 chunks".
func Counted(n int64, what string) string { return fmt.Sprintf("%d %s", n, Plural(n, what)) }

// Plural returns the name of n things, given the name of one.
func Plural(n int64, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
