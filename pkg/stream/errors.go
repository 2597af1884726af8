package stream

import (
	"errors"
	"fmt"

	"hexz/pkg/stream/wire"
)

// The sentinels below are the cases that a caller tells apart. Every error of this package, and of
// the packages that read its frames, wraps at most one of them.
var (
	// ErrCorrupt says that the input is damaged, breaks the format, or exceeds a limit.
	ErrCorrupt = wire.ErrFormat

	// ErrTruncated says that the input ended before its End frame.
	ErrTruncated = errors.New("stream is cut short")

	// ErrAborted says that an upstream stage failed and wrote an Abort frame.
	ErrAborted = errors.New("upstream stage failed")
)

// FrameError says where in the input an error was found.
type FrameError struct {
	Kind   Kind  // kind of the frame, KindUnknown if it was not read
	Index  int64 // number of the frame, counted from 0
	Offset int64 // position of its first byte
	Err    error
}

func (e *FrameError) Error() string {
	what := "frame"
	if e.Kind != KindUnknown {
		what = e.Kind.String() + " frame"
	}
	return fmt.Sprintf("%s %d at byte %d: %v", what, e.Index, e.Offset, e.Err)
}

func (e *FrameError) Unwrap() error { return e.Err }

// AbortError is the error for an Abort frame. It is an ErrAborted.
type AbortError struct {
	Stage   string // binary that failed, such as hexz-chunk
	Message string
	Printed []byte // where the stage before this one prints the message, see Console; or nil
}

func (e *AbortError) Error() string {
	return fmt.Sprintf("upstream %s failed: %s", e.Stage, e.Message)
}

// Is makes errors.Is(err, ErrAborted) true.
func (e *AbortError) Is(target error) bool { return target == ErrAborted }

// NotStreamError says that the input does not begin as a stream. It is an ErrCorrupt.
type NotStreamError struct {
	Head []byte // the first bytes of the input, up to 512
}

func (*NotStreamError) Error() string { return "this is not a hexz stream" }

// Is makes errors.Is(err, ErrCorrupt) true.
func (*NotStreamError) Is(target error) bool { return target == ErrCorrupt }

func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// IsStream reports whether an input that begins with head begins as a stream does.
func IsStream(head []byte) bool {
	in := wire.NewBytesReader(head)
	kind, _ := readHead(in)
	return kind == KindHeader && in.String(len(Magic)) == Magic && in.Err() == nil
}
