package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"hexz/cmd/internal/cli"
	"hexz/pkg/index"
	"hexz/pkg/stage"
)

// signFile checks and signs an archive in place.
func (s *signer) signFile(env *cli.Env, path string) (*stage.Signed, error) {
	f, err := openArchive(env, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Two processes at a time would write to the same place. On a system without locks none is
	// taken.
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !index.HasTrailer(f, info.Size()) {
		return nil, cli.NotArchive(f)
	}
	signed, err := stage.Sign(env.Ctx, f, info.Size(), s.o)
	return signed, errors.Join(err, f.Close())
}

// openArchive opens a file for reading and writing.
func openArchive(env *cli.Env, path string) (*os.File, error) {
	info, err := os.Stat(path)
	if path == "-" || err == nil && !info.Mode().IsRegular() {
		return nil, cli.WithHint(cli.Usagef("not a file, and a signature is appended to one"), "save the archive first, or sign while it is made: hexz-seal --sign")
	}
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err == nil {
		if err = env.Writes(path, f); err != nil {
			f.Close()
			return nil, err
		}
	}
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		err = pe.Err // the path is printed already
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = cli.WithHint(fmt.Errorf("cannot be written to: %w", err), "a signature is appended to the file itself: sign where it is writable")
	}
	return f, err
}
