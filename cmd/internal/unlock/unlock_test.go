package unlock

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"hexz/internal/keytest"
	"hexz/pkg/keys"
	"hexz/pkg/seal"
)

// opener returns its values, and remembers what it was asked.
type opener struct {
	key   seal.FileKey
	err   error
	asked [][]byte
}

func (o *opener) OpenKey(wrapped []byte) (seal.FileKey, error) {
	o.asked = append(o.asked, wrapped)
	return o.key, o.err
}

func wrapped(t *testing.T) []byte {
	t.Helper()
	return keytest.Must(keys.Wrap(seal.NewFileKey(), keytest.Must(keys.ParseRecipients(strings.NewReader(
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n")))))
}

// exchange asks the question once, and has it answered by o.
func exchange(t *testing.T, question []byte, o *opener, hint string) (seal.FileKey, error) {
	t.Helper()
	asks, answers := io.Pipe()
	back, says := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- Serve(says, asks, o, func(error) string { return hint }) }()
	key, err := Ask(answers, back, question)
	answers.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return key, err
}

func TestAnswers(t *testing.T) {
	question := wrapped(t)
	want := seal.NewFileKey()
	o := &opener{key: want}
	if key, err := exchange(t, question, o, ""); err != nil || key != want || len(o.asked) != 1 || !bytes.Equal(o.asked[0], question) {
		t.Errorf("got %v, asked %d times", err, len(o.asked))
	}
	none := errors.New("none")
	for _, tc := range []struct {
		err, is  error
		hint     string
		wantText string
	}{
		{seal.WrongPassphrase("key"), seal.ErrPassphrase, "", "key: wrong passphrase"},
		{seal.Malformed("bad %s", "key"), seal.ErrFormat, "", "bad key"},
		{errors.New("no\nterminal"), none, "give it", "no terminal"},
		{errors.New(strings.Repeat("x", 5000)), none, "", strings.Repeat("x", maxAnswer-1)},
	} {
		key, err := exchange(t, question, &opener{key: want, err: tc.err}, tc.hint)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Text != tc.wantText || e.Hint != tc.hint || key != (seal.FileKey{}) {
			t.Errorf("%.40v became %.40v", tc.err, err)
		}
		for _, is := range []error{seal.ErrPassphrase, seal.ErrFormat} {
			if errors.Is(err, is) != (tc.is == is) {
				t.Errorf("%.40v: is %v: %v", err, is, !errors.Is(err, is))
			}
		}
	}
	_, err := exchange(t, question, &opener{err: &seal.NoMatchError{}}, "")
	if e, ok := errors.AsType[*seal.NoMatchError](err); !ok || len(e.Kinds) != 1 || e.Kinds[0] != "X25519" {
		t.Error(err)
	}
}

// TestStrangeAnswers has answers that hexz-unlock does not give.
func TestStrangeAnswers(t *testing.T) {
	message := func(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }
	question := wrapped(t)
	for _, answer := range []string{
		"", "\x00\x00\x00", "\x00\x00\x00\x02k", message(""), message("k"), message("k" + strings.Repeat("x", 31)),
		message("k" + strings.Repeat("x", 33)), message("?" + strings.Repeat("x", 32)), "\xff\xff\xff\xff", message(strings.Repeat("e", maxAnswer+1)),
	} {
		key, err := Ask(io.Discard, strings.NewReader(answer), question)
		if err == nil || errors.As(err, new(*Error)) || errors.Is(err, seal.ErrFormat) || key != (seal.FileKey{}) {
			t.Errorf("%.20q: %v", answer, err)
		}
	}
	// What is no wrapped key is not asked about.
	if _, err := Ask(nil, nil, []byte("age?")); !errors.Is(err, seal.ErrFormat) {
		t.Error(err)
	}
}

func TestStrangeQuestions(t *testing.T) {
	o := &opener{err: errors.New("never")}
	for _, question := range []string{"\x00", "\x00\x00\x00\x02x", "\x00\x01\x00\x01", "\xff\xff\xff\xff"} {
		if err := Serve(io.Discard, strings.NewReader(question), o, nil); err == nil || err == io.EOF {
			t.Errorf("%q: %v", question, err)
		}
	}
	if len(o.asked) != 0 {
		t.Errorf("asked %q", o.asked)
	}
}

func FuzzAsk(f *testing.F) {
	question := keytest.Must(keys.Wrap(seal.FileKey{}, keytest.Must(keys.ParseRecipients(strings.NewReader(
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n")))))
	f.Add([]byte("\x00\x00\x00\x21k" + strings.Repeat("x", 32)))
	f.Add([]byte("\x00\x00\x00\x04e1\n2"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		key, err := Ask(io.Discard, bytes.NewReader(answer), question)
		if (err == nil) != (len(answer) >= 37 && string(answer[:5]) == "\x00\x00\x00\x21k") || err != nil && key != (seal.FileKey{}) {
			t.Fatal(err)
		}
	})
}
