package wire

import "io"

type byteReader interface {
	io.Reader
	io.ByteScanner
}

// teeStep is the most bytes that are collected before they are written to the tee.
const teeStep = 4 << 10

// input counts the bytes that a Reader consumes, and copies them to tee, if there is one.
type input struct {
	src     byteReader
	pos     int64
	tee     io.Writer
	pending []byte // for tee; the last byte may still be unread
	failed  error  // a read error that is not an end of input
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.src.Read(p)
	in.pos += int64(n)
	if in.tee != nil {
		if len(in.pending)+n > teeStep {
			in.flush()
			in.tee.Write(p[:n])
		} else {
			in.pending = append(in.pending, p[:n]...)
		}
	}
	in.note(err)
	return n, err
}

func (in *input) ReadByte() (byte, error) {
	c, err := in.src.ReadByte()
	if err != nil {
		in.note(err)
		return 0, err
	}
	in.pos++
	if in.tee != nil {
		if len(in.pending) >= teeStep {
			in.flush()
		}
		in.pending = append(in.pending, c)
	}
	return c, nil
}

// UnreadByte takes back a ReadByte.
func (in *input) UnreadByte() error {
	if err := in.src.UnreadByte(); err != nil {
		return err
	}
	in.pos--
	if in.tee != nil {
		in.pending = in.pending[:len(in.pending)-1]
	}
	return nil
}

func (in *input) flush() {
	if len(in.pending) > 0 {
		in.tee.Write(in.pending)
		in.pending = in.pending[:0]
	}
}

func (in *input) note(err error) {
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		in.failed = err
	}
}
