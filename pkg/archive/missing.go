package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hexz/pkg/stream"
)

// ErrParent is the error for a parent that was not found.
var ErrParent = errors.New("parent archive is missing")

// MissingError is an ErrParent that says which parents are missing, and where they were looked for.
type MissingError struct {
	Parents []stream.Parent
	Looked  []string // the places of the search, perhaps with the archives found there instead
}

func missing(want *stream.Parent) error { return &MissingError{Parents: []stream.Parent{*want}} }

func (e *MissingError) Error() string {
	where := "nowhere: no place was given"
	if len(e.Looked) > 0 {
		where = strings.Join(e.Looked, ", ")
	}
	if len(e.Parents) == 1 {
		p := &e.Parents[0]
		return fmt.Sprintf("%v: id %v, which was named %q; looked in %s", ErrParent, p.ID, p.Hint, where)
	}
	var names []string
	for _, p := range e.Parents {
		names = append(names, fmt.Sprintf("%v (%q)", p.ID, p.Hint))
	}
	return fmt.Sprintf("%d parent archives are missing: %s; looked in %s", len(names), strings.Join(names, ", "), where)
}

func (e *MissingError) Unwrap() error { return ErrParent }

// joinMissing makes one error of the errors of several parents: the worst of them, or, if all
// parents are missing, one that names all. It returns nil if the list is empty.
func joinMissing(list []error) error {
	var worst error
	all := &MissingError{}
	for _, err := range list {
		worst = worse(worst, err)
		var one *MissingError
		if errors.As(err, &one) {
			all.Parents = append(all.Parents, one.Parents...)
			for _, place := range one.Looked {
				if !slices.Contains(all.Looked, place) {
					all.Looked = append(all.Looked, place)
				}
			}
		}
	}
	if errors.Is(worst, ErrParent) && len(all.Parents) > 0 {
		return all
	}
	return worst
}
