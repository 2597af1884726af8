package wire

import "io"

type byteReader interface {
	io.Reader
	io.ByteScanner
}

// input counts and optionally records what the msgpack decoder consumes.
type input struct {
	src       byteReader
	pos       int64
	recording bool
	record    []byte
	failed    error // a read error that is not an end of input
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.src.Read(p)
	in.pos += int64(n)
	if in.recording {
		in.record = append(in.record, p[:n]...)
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
	if in.recording {
		in.record = append(in.record, c)
	}
	return c, nil
}

func (in *input) UnreadByte() error {
	if err := in.src.UnreadByte(); err != nil {
		return err
	}
	in.pos--
	if in.recording {
		in.record = in.record[:len(in.record)-1]
	}
	return nil
}

func (in *input) note(err error) {
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		in.failed = err
	}
}
