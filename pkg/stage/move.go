package stage

import (
	"errors"
	"io"
	"os"

	"hexz/pkg/flow"
)

// mover moves payloads from the input to the output of a stage without looking at them. The kernel
// moves them where both sides allow it (splice(2) on Linux); otherwise they go through a buffer.
type mover struct {
	in, out *os.File // set if the kernel can move from in to out
	null    *os.File // likewise, for dropped bytes
	buf     []byte
}

// errNoSplice means that the kernel cannot move between these files.
var errNoSplice = errors.New("splice does not work here")

func newMover(src io.Reader, dst io.Writer) *mover {
	m := &mover{}
	in := flow.FileOf(src)
	if in == nil || !waits(in) {
		return m
	}
	if info, err := in.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return m
	}
	m.in = in
	m.null, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if m.out = flow.FileOf(dst); m.out != nil && !waits(m.out) {
		m.out = nil
	}
	return m
}

func (m *mover) close() {
	if m.null != nil {
		m.null.Close()
	}
}

// move is a stream.Mover.
func (m *mover) move(dst io.Writer, src io.Reader, n int64) (int64, error) {
	to := m.out
	if dst == io.Discard {
		to = m.null
	}
	done := int64(0)
	if m.in != nil && to != nil {
		var err error
		done, err = splice(m.in, to, n)
		switch {
		case err == nil:
			return done, nil
		case errors.Is(err, errNoSplice):
			m.in = nil // copy from here on
		default:
			// A Write fails in the same way. It also ends the process where it should: by SIGPIPE,
			// when the reader of standard output has gone.
			if _, werr := dst.Write([]byte{0}); werr != nil {
				err = werr
			}
			return done, err
		}
	}
	return m.copy(dst, src, n, done)
}

func (m *mover) copy(dst io.Writer, src io.Reader, n, done int64) (int64, error) {
	if m.buf == nil {
		m.buf = make([]byte, flow.DefaultBlock)
	}
	for done < n {
		k, err := src.Read(m.buf[:min(n-done, int64(len(m.buf)))])
		done += int64(k)
		if k > 0 {
			if _, werr := dst.Write(m.buf[:k]); werr != nil {
				return done, werr
			}
		}
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
