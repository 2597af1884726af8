package cli

import (
	"errors"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// pathVariable names an environment variable that lists directories of parents in the form of PATH.
const pathVariable = "HEXZ_PATH"

// ParentFlags say where the parents of a thin archive are.
type ParentFlags struct {
	files, dirs []string
	follow      bool
}

// AddFlags adds the flags to f.
func (p *ParentFlags) AddFlags(f *pflag.FlagSet) {
	f.Var((*fileNames)(&p.files), "parent", "look for parents of a thin archive in `FILE`, and at last beside it; may be repeated")
	f.Var((*dirNames)(&p.dirs), "parent-dir", "look for parents in the files *.hxz of `DIR`, and then in those of $HEXZ_PATH and beside the archive; may be repeated")
	f.BoolVar(&p.follow, "follow-hints", false, "open whatever path an archive names as that of its parent")
}

// fileNames is a flag for files that must exist, so a mistyped name is an error even if the parent
// would be found elsewhere.
type fileNames []string

func (f *fileNames) Set(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return errors.Unwrap(err) // without the name, which is printed already
	}
	if info.IsDir() {
		return errors.New("a directory: that is for --parent-dir")
	}
	*f = append(*f, name)
	return nil
}

func (f *fileNames) String() string { return "" } // no default

func (f *fileNames) Type() string { return "FILE" }

// dirNames is a flag for directories that must exist.
type dirNames []string

func (d *dirNames) Set(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return errors.Unwrap(err) // without the name, which is printed already
	}
	if !info.IsDir() {
		return errors.New("not a directory: that is for --parent")
	}
	*d = append(*d, name)
	return nil
}

func (d *dirNames) String() string { return "" } // no default

func (d *dirNames) Type() string { return "DIR" }

// Finder finds the parents of an archive. No output may replace them. Close it.
type Finder struct {
	*parents.Finder
	env *Env
}

// Find is an archive.FindFunc.
func (f Finder) Find(want *stream.Parent) iter.Seq2[archive.Copy, error] {
	if err := f.env.Needs(want.ID); err != nil {
		return func(yield func(archive.Copy, error) bool) { yield(archive.Copy{}, err) }
	}
	return f.Finder.Find(want)
}

// Finder returns a Finder for the parents of the archive that args name. The identities open
// encrypted parents.
func (p *ParentFlags) Finder(env *Env, args []string, opener seal.Opener) Finder {
	f := &parents.Finder{Files: p.files, Dirs: p.dirs, FollowHints: p.follow, Identities: opener, Open: env.Open}
	f.Dirs = append(f.Dirs, filepath.SplitList(os.Getenv(pathVariable))...)
	for _, file := range p.files { // the parents of that parent are likely to be there
		f.Dirs = append(f.Dirs, filepath.Dir(file))
	}
	if len(args) > 0 && args[0] != "-" {
		f.Beside = filepath.Dir(args[0])
	}
	return Finder{f, env}
}

// IndexFinder returns a Finder for the parents of parents, which are archives or exported indexes at
// those paths. It looks beside them, and in the directories of the environment.
func IndexFinder(env *Env, paths []string, opener seal.Opener) Finder {
	f := &parents.Finder{Files: paths, Indexes: true, Identities: opener, Open: env.Open}
	f.Dirs = filepath.SplitList(os.Getenv(pathVariable))
	for _, path := range paths {
		f.Dirs = append(f.Dirs, filepath.Dir(path))
	}
	return Finder{f, env}
}

// Index opens the index of a parent. No output may replace it.
func (f Finder) Index(want *stream.Parent) (*index.Index, error) {
	if err := f.env.Needs(want.ID); err != nil {
		return nil, err
	}
	return f.Finder.Index(want)
}

// OpenParent opens an archive, or the exported index of one, whose chunks need not be stored again.
// Close it.
func OpenParent(env *Env, path string, opener seal.Opener) (parents.Parent, error) {
	p, err := parents.Open(env.Open, path, opener)
	if err != nil {
		return p, err
	}
	if err := errors.Join(env.Needs(p.Index.ID()), env.needsAll(p.Index.Info())); err != nil {
		p.Close()
		return p, err
	}
	return p, nil
}

// explainParent adds a hint to an error about a missing parent.
func explainParent(err error) error {
	if errors.Is(err, archive.ErrParent) {
		return WithHint(err, "name the parent by --parent FILE, or where it is by --parent-dir DIR or $HEXZ_PATH")
	}
	return err
}
