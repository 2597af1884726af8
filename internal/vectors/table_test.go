package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hexz/pkg/blake"
)

// Directory of the archives, and the file there that describes them.
const (
	dir       = "../../testdata/archives"
	tableFile = "archives.json"
)

// row describes a file. testdata/archives/README.md says what the fields mean.
type row struct {
	File    string `json:"file"`
	About   string `json:"about"`
	Verdict string `json:"verdict"`
	Verify  int    `json:"verify"` // exit code of hexz-verify
	Pipe    int    `json:"pipe"`   // exit code of hexz-cat from a pipe

	// Python is the exit code of examples/read.py --verify if that is not Verify, as it leaves
	// something out.
	Python *int `json:"python,omitempty"`

	ID         string    `json:"id,omitempty"`
	Of         string    `json:"of,omitempty"`
	Parents    []string  `json:"parents,omitempty"`
	Identity   string    `json:"identity,omitempty"`
	Passphrase string    `json:"passphrase,omitempty"`
	SignedBy   []string  `json:"signed_by,omitempty"`
	Streams    []content `json:"streams"`
}

// content is a stream of a file. Hash is the BLAKE3-256 of its bytes, zeros and holes included.
type content struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Hash string `json:"blake3"`
}

// verdicts are the exit codes of hexz-verify and of hexz-cat from a pipe for each verdict, and whether
// all content can be had.
var verdicts = map[string]struct {
	verify, pipe int
	whole        bool
}{
	"ok":        {0, 0, true},
	"torn":      {0, 0, true},
	"damaged":   {3, 3, false},
	"truncated": {3, 4, false},
	"parent":    {1, 1, false},
	"codec":     {6, 6, false},
	"index":     {3, 3, false},
}

func load(t *testing.T) []row {
	t.Helper()
	text := read(t, tableFile)
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	var rows []row
	if err := in.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sum returns a digest in the form of the table.
func sum(p []byte) string {
	h := blake.Sum(p)
	return hex.EncodeToString(h[:])
}

// TestTable holds table and directory to each other: no file without a row, no row without a file, and
// nothing that is said twice in two ways.
func TestTable(t *testing.T) {
	files := []string{"README.md", tableFile}
	seen := map[string]bool{}
	for _, r := range load(t) {
		want, ok := verdicts[r.Verdict]
		if !ok || r.Verify != want.verify {
			t.Errorf("%s: verdict %q with the code %d", r.File, r.Verdict, r.Verify)
		}
		if r.About == "" || seen[r.File] {
			t.Errorf("%s: twice, or nothing said about it", r.File)
		}
		seen[r.File] = true
		files = append(append(files, r.File), r.SignedBy...)
		for _, key := range []string{r.Identity, r.Passphrase} {
			if key != "" {
				files = append(files, key)
			}
		}
		for _, p := range r.Parents {
			if !seen[p] {
				t.Errorf("%s: there is no row of its parent %s before", r.File, p)
			}
		}
		readme := read(t, "README.md")
		if line := "| `" + r.File + "` | " + r.About + " |"; !bytes.Contains(readme, []byte(line)) {
			t.Errorf("README.md has no line %s", line)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	total := int64(0)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if _, ok := slices.BinarySearch(files, f.Name()); !ok {
			t.Errorf("%s has no row in %s", f.Name(), tableFile)
		}
		if info, err := f.Info(); err == nil {
			total += info.Size()
		}
	}
	if len(list) != len(files) || total > 2<<20 {
		t.Errorf("%d files of %d bytes, and %d in %s", len(list), total, len(files), tableFile)
	}
}
