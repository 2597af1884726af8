package index

// DamageError is an ErrCorrupt that says where the damaged bytes are.
type DamageError struct {
	Pos, Len int64 // of the damaged bytes in the archive
	err      error
}

func (e *DamageError) Error() string { return e.err.Error() }

// Unwrap returns the error without the position.
func (e *DamageError) Unwrap() error { return e.err }

// Damagedf returns an ErrCorrupt about a range.
func Damagedf(s Extent, format string, args ...any) error {
	return &DamageError{s.Pos, s.Len, Corruptf(format, args...)}
}
