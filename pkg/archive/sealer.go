package archive

import (
	"hexz/pkg/index"
	"hexz/pkg/stream/wire"
)

// frameSealer is an io.Writer that collects a frame, and writes it as a Sealed frame to out.
type frameSealer struct {
	out     *frameSink
	ciphers *index.Ciphers
	number  int64
	buf     []byte // room for the head, and the frame
	head    *wire.Writer
}

func (s *frameSealer) Write(p []byte) (int, error) {
	if len(s.buf) == 0 {
		s.buf = append(s.buf, make([]byte, index.SealedRoom)...)
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

// flush writes the collected frame.
func (s *frameSealer) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	s.buf = s.ciphers[index.FrameDomain].Seal(s.buf[:index.SealedRoom], s.buf[index.SealedRoom:], uint64(s.number))
	s.head.Reset()
	index.AppendSealedHead(s.head, s.number, len(s.buf)-index.SealedRoom)
	start := index.SealedRoom - len(s.head.Written())
	copy(s.buf[start:], s.head.Written())
	s.number++
	_, err := s.out.Write(s.buf[start:])
	s.buf = s.buf[:0]
	return err
}
