package main

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const lastDay = 10

// inputs returns the paths of inputs. Those that are not there are made: real ones by bench/debian, which
// says what they are, and small ones here, from the sources of Go.
func (s *Session) inputs(names ...string) []string {
	var paths []string
	for _, name := range names {
		path := filepath.Join(s.corpus, name)
		if _, err := os.Stat(path); err != nil {
			s.say("making %s", name)
			if s.quick {
				s.makeSmall(name, path)
			} else {
				s.Run(command(filepath.Join(s.root, "bench", "debian"), name, s.corpus))
			}
		}
		paths = append(paths, path)
	}
	return paths
}

func (s *Session) makeSmall(name, path string) {
	part := filepath.Join(s.Work, "part")
	switch name {
	case "linux-a.tar":
		s.smallTar(part, false)
	case "linux-b.tar":
		s.smallTar(part, true)
	case "disk-a.img":
		s.smallDisk(part, "48M", "linux-a.tar")
	case "disk-b.img":
		s.smallDisk(part, "96M", "linux-a.tar", "linux-b.tar")
	case "days":
		s.smallDays(part)
	case "memory-a.img":
		s.Do("cp", s.inputs("linux-a.tar")[0], part)
	case "memory-b.img":
		s.Do("cp", s.inputs("memory-a.img")[0], part)
		rng, size := random("memory"), sizeOf(part)
		scatter(part, 200, rng, func() (int64, int) { return rng.Int64N(size/block) * block, block })
	}
	check(os.Rename(part, path))
}

// goSources returns a directory of the sources of Go.
func (s *Session) goSources(dir string) string {
	return filepath.Join(strings.TrimSpace(s.Output(command("go", "env", "GOROOT"))), "src", dir)
}

// smallTar makes a tar. In a newer one every tenth file has a line more.
func (s *Session) smallTar(file string, newer bool) {
	const enough = 12 * mib
	out := must(os.Create(file))
	defer out.Close()
	w := tar.NewWriter(out)
	sum, changed := 0, time.Unix(1e9, 0)
	if newer {
		changed = changed.Add(time.Hour)
	}
	for i, name := range filesBelow(s.goSources("cmd/compile")) {
		text := must(os.ReadFile(name))
		if sum += len(text); sum > enough {
			break
		}
		if newer && i%10 == 0 {
			text = slices.Concat(text[:len(text)/2], []byte("// one line more\n"), text[len(text)/2:])
		}
		check(w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o644, Size: int64(len(text)), ModTime: changed}))
		must(w.Write(text))
	}
	check(w.Close(), out.Close())
}

// smallDisk makes an ext4 image of what is in some tars.
func (s *Session) smallDisk(file, size string, tars ...string) {
	root := s.temp("root")
	defer os.RemoveAll(root)
	for _, path := range s.inputs(tars...) {
		at := filepath.Join(root, filepath.Base(path))
		check(os.Mkdir(at, 0o777))
		s.Do("tar", "-xf", path, "-C", at)
	}
	s.Do("mke2fs", "-q", "-t", "ext4", "-d", root, file, size)
}

func (s *Session) smallDays(dir string) {
	root := s.temp("root")
	defer os.RemoveAll(root)
	check(os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, "packages"), nil, 0o666))
	for day := range lastDay + 1 {
		edit(root, day, 100)
		s.Do("mke2fs", "-q", "-t", "ext4", "-d", root, dayImage(dir, day), "32M")
	}
}

func dayImage(dir string, day int) string { return filepath.Join(dir, fmt.Sprintf("%d.img", day)) }
