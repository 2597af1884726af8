package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// foreign lists the kinds of files that are taken for a stream or an archive by mistake.
// pkg/overlay recognizes disk images.
var foreign = []struct {
	at          int
	magic, name string
	hint        string // %s is the name of the file
}{
	{0, "\x1f\x8b", "a gzip file", "unpack it: gzip -dc %s"},
	{0, "\xfd7zXZ\x00", "an xz file", "unpack it: xz -dc %s"},
	{0, "\x28\xb5\x2f\xfd", "a zstd file", "unpack it: zstd -dc %s"},
	{0, "BZh", "a bzip2 file", "unpack it: bzip2 -dc %s"},
	{0, "\x04\x22\x4d\x18", "an lz4 file", "unpack it: lz4 -dc %s"},
	{0, "PK\x03\x04", "a zip file", ""},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z file", ""},
	{0, "age-encryption.org/", "a file that age has encrypted", "decrypt it: age -d -i KEY %s"},
	{0, "-----BEGIN AGE ENCRYPTED", "a file that age has encrypted", "decrypt it: age -d -i KEY %s"},
	{0, "AGE-SECRET-KEY-", "a private key", keyHint},
	{0, "# created: ", "a private key", keyHint},
	{0, "# public key: ", "a private key", keyHint},
	{0, "-----BEGIN OPENSSH PRIVATE KEY", "a private key", keyHint},
	{0, "age1", "a public key", "hexz-seal -r and -R take public keys"},
	{0, "ssh-", "a public key", "hexz-seal -r and -R take public keys"},
	{0, "untrusted comment: ", "a key or a signature of minisign", "hexz-sign -k takes a secret key, --signed-by a public key"},
	{0, "hexz-chunk-key", "a chunk key", "--chunk-key-file takes it"},
	{257, "ustar", "a tar file", packHint},
}

const (
	keyHint  = "-i takes the private key of an encrypted archive"
	packHint = "to pack it, begin with hexz-chunk %s"
)

// describe names the kind of a file that begins with head and is no stream, and returns a hint.
func describe(name string, head []byte) (what, hint string) {
	if name == os.Stdin.Name() {
		name = "FILE"
	}
	for _, f := range foreign {
		if len(head) >= f.at && bytes.HasPrefix(head[f.at:], []byte(f.magic)) {
			return f.name, strings.ReplaceAll(f.hint, "%s", name)
		}
	}
	return "", strings.ReplaceAll(packHint, "%s", name)
}

// notStream returns an error for an input that is no stream. err says why.
func notStream(name string, err error) error {
	foreign, ok := errors.AsType[*stream.NotStreamError](err)
	if !ok {
		return err
	}
	what, hint := describe(name, foreign.Head)
	if what == "" {
		return WithHint(named(name, foreign), hint)
	}
	return WithHint(named(name, fmt.Errorf("%w, but %s", foreign, what)), hint)
}

// NotArchive returns an error, an ErrCorrupt, for a regular file that does not end as an archive
// does. It says what the file is instead. The name of the file is for the caller to say.
func NotArchive(f *os.File) error {
	file, err := Section(f)
	if err != nil {
		return err
	}
	head := make([]byte, 512)
	n, _ := file.ReadAt(head, 0) // what cannot be read is not described
	head = head[:n]
	what, hint := describe(f.Name(), head)
	switch {
	case file.Size() == 0:
		return fmt.Errorf("%w: the file is empty", stream.ErrCorrupt)
	case index.IsIndex(file, file.Size()):
		return exportedIndex()
	case stream.IsStream(head) && bytes.Contains(head, []byte("\xa7archive\xc3")):
		return WithHint(fmt.Errorf("%w: no trailer: the archive was cut short", stream.ErrCorrupt), "hexz-unseal --salvage reads what is left of it")
	case stream.IsStream(head):
		return WithHint(fmt.Errorf("%w: this is a chunk stream, not an archive", stream.ErrCorrupt), "make an archive of it: hexz-seal -o FILE "+f.Name())
	case what != "":
		return WithHint(fmt.Errorf("%w: this is not an archive, but %s", stream.ErrCorrupt, what), hint)
	}
	return WithHint(fmt.Errorf("%w: no trailer: not an archive, or one that was cut short", stream.ErrCorrupt), hint)
}

func exportedIndex() error {
	return WithHint(fmt.Errorf("%w: this is an exported index, not an archive", stream.ErrCorrupt), "hexz-dedup --parent and hexz-chunk --like take it")
}

// twoArchives returns err, about the archive in f. It adds a hint if other data precedes the
// archive.
func twoArchives(f *os.File, err error) error {
	file, sectionErr := Section(f)
	if sectionErr != nil || !errors.Is(err, stream.ErrCorrupt) {
		return err
	}
	start, ok := archive.Start(file, file.Size())
	if !ok {
		return err
	}
	_, at, _ := file.Outer()
	name := f.Name()
	if name == os.Stdin.Name() {
		name = "INPUT"
	}
	return WithHint(fmt.Errorf("%w: the file has %d bytes before the archive that is at its end", stream.ErrCorrupt, start),
		fmt.Sprintf("take the archive out: tail -c +%d %s > FILE", at+start+1, name))
}

// ExplainInput adds a hint to err, an error of opening path. The argument arg names path.
func ExplainInput(arg, path string, err error) error {
	if _, statErr := os.Lstat(arg); errors.Is(err, os.ErrNotExist) && path != arg && statErr == nil {
		return WithHint(err, fmt.Sprintf("there is a file %s: name it as ./%s", arg, arg))
	}
	if errors.Is(err, syscall.EISDIR) {
		return WithHint(err, fmt.Sprintf("pack what is in it: tar -cf - %s | hexz-chunk", path))
	}
	return err
}

// namedError is an error with the name of an input.
type namedError struct {
	name string
	err  error
}

func (e *namedError) Error() string { return e.name + ": " + e.err.Error() }
func (e *namedError) Unwrap() error { return e.err }

// named adds the name of an input to an error, unless it is standard input.
func named(name string, err error) error {
	if name == os.Stdin.Name() {
		name = "standard input"
	}
	return &namedError{name, err}
}

// Unnamed returns the text of an error without the name that this package has put before it.
func Unnamed(err error) string {
	if n, ok := errors.AsType[*namedError](err); ok {
		return n.err.Error()
	}
	return err.Error()
}
