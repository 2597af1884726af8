// Package unlock is what a stage and hexz-unlock say to each other: the stage sends wrapped keys, one
// after the other, and hexz-unlock answers each with the file key, or with why there is none.
//
//	message   length n (4 bytes, big endian), n bytes
//	question  message with the wrapped key, at most seal.MaxWrapped bytes
//	answer    message with a letter that says what follows, at most 4096 bytes
//	             k  the file key, 32 bytes
//	             n  nothing: no identity fits
//	             p  a text: a passphrase is wrong
//	             f  a text: the wrapped key is damaged
//	             e  a text: any other error
//	          the line after a text, if there is one, is a hint for the user
//
// Both sides hold what they read against these limits.
package unlock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"hexz/pkg/seal"
)

const maxAnswer = 4 << 10

// The letters of answers.
const (
	isKey        = 'k'
	isNoMatch    = 'n'
	isPassphrase = 'p'
	isFormat     = 'f'
	isOther      = 'e'
)

// Error is why hexz-unlock did not open a key. It is an ErrPassphrase or ErrFormat of package seal if
// the error there was one.
type Error struct {
	Text string
	Hint string // what the user can do, or ""
	is   error
}

func (e *Error) Error() string        { return e.Text }
func (e *Error) Is(target error) bool { return target == e.is }

// Ask asks for the key in wrapped. The error is a *seal.NoMatchError, an *Error, or says that the
// other side does not keep to what is said here.
func Ask(w io.Writer, r io.Reader, wrapped []byte) (seal.FileKey, error) {
	kinds, err := seal.RecipientKinds(wrapped)
	if err != nil {
		return seal.FileKey{}, err
	}
	if err := write(w, wrapped); err != nil {
		return seal.FileKey{}, err
	}
	answer, err := read(r, maxAnswer)
	switch {
	case err == io.EOF:
		return seal.FileKey{}, io.ErrUnexpectedEOF
	case err != nil:
		return seal.FileKey{}, err
	case len(answer) == 0:
		return seal.FileKey{}, errors.New("the answer is empty")
	}
	text, hint, _ := strings.Cut(string(answer[1:]), "\n")
	failed := &Error{Text: text, Hint: hint}
	switch letter := answer[0]; {
	case letter == isKey && len(answer) == 1+len(seal.FileKey{}):
		return seal.FileKey(answer[1:]), nil
	case letter == isNoMatch:
		return seal.FileKey{}, &seal.NoMatchError{Kinds: kinds}
	case letter == isPassphrase:
		failed.is = seal.ErrPassphrase
	case letter == isFormat:
		failed.is = seal.ErrFormat
	case letter != isOther:
		return seal.FileKey{}, errors.New("the answer is not understood")
	}
	return seal.FileKey{}, failed
}

// Serve answers all questions of r by what keys opens. hint returns what a user can do about an error,
// or "". Serve returns nil at the end of r.
func Serve(w io.Writer, r io.Reader, keys seal.Opener, hint func(error) string) error {
	for {
		wrapped, err := read(r, seal.MaxWrapped)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := keys.OpenKey(wrapped)
		if err := write(w, answer(key, err, hint)); err != nil {
			return err
		}
	}
}

func answer(key seal.FileKey, err error, hint func(error) string) []byte {
	letter := byte(isOther)
	switch {
	case err == nil:
		return append([]byte{isKey}, key[:]...)
	case errors.As(err, new(*seal.NoMatchError)):
		return []byte{isNoMatch}
	case errors.Is(err, seal.ErrPassphrase):
		letter = isPassphrase
	case errors.Is(err, seal.ErrFormat):
		letter = isFormat
	}
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if h := hint(err); h != "" {
		text += "\n" + h
	}
	text = text[:min(len(text), maxAnswer-1)]
	return append([]byte{letter}, text...)
}

func write(w io.Writer, p []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...))
	return err
}

// read returns the next message, of at most limit bytes. It returns io.EOF only between messages.
func read(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if int64(n) > int64(limit) {
		return nil, fmt.Errorf("a message of %d bytes, with a limit of %d", n, limit)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return p, nil
}
