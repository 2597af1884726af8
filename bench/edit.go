package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// edit does to the files below root what a day of work does: text is appended to logs, a line comes into
// the middle of configuration files, rows of a table change, and a few bytes of a big file. Day 0 makes
// what is worked on. The same days do the same.
func edit(root string, day int, scale int) {
	rng := random("day ", day)
	for _, dir := range []string{"var/log", "etc", "srv"} {
		check(os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	editLog(filepath.Join(root, "var/log/app.log"), day, rng, 20_000/scale)
	editConfiguration(filepath.Join(root, "etc"), day)
	editTable(filepath.Join(root, "srv/table"), day, rng, 200_000/scale)
	editBlob(filepath.Join(root, "srv/blob"), day, rng, 64*mib/scale)
}

// sentence returns n words.
func sentence(rng *rand.Rand, n int) string {
	known := words("accepted closed from to user session opened root connection port error timeout retry get post")
	var text []string
	for range n {
		text = append(text, known[rng.IntN(len(known))])
	}
	return strings.Join(text, " ")
}

func editLog(name string, day int, rng *rand.Rand, count int) {
	if day == 0 {
		count *= 10
	}
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "2026-01-%02d %05d app[%d]: %s %012x\n", day+1, i*86400/count, 300+rng.IntN(32468), sentence(rng, 4+rng.IntN(8)), rng.Uint64()>>16)
	}
	appendTo(name, b.String())
}

// editConfiguration changes a tenth of the files, each day others.
func editConfiguration(dir string, day int) {
	count := 0
	for _, name := range filesBelow(dir) {
		if !strings.HasSuffix(name, ".conf") {
			continue
		}
		if count++; day == 0 || count%10 != day%10 {
			continue
		}
		all := bytes.SplitAfter(must(os.ReadFile(name)), []byte("\n"))
		all[len(all)/2] = append(fmt.Appendf(nil, "# changed on day %d\n", day), all[len(all)/2]...)
		check(os.WriteFile(name, bytes.Join(all, nil), 0o644))
	}
}

// rowSize is that of a row of the table; 64 rows are a page of a database.
const rowSize = 128

// editTable replaces two hundredths of the rows, and appends one.
func editTable(name string, day int, rng *rand.Rand, rows int) {
	row := func() string {
		return fmt.Sprintf("%-*.*s", rowSize, rowSize, fmt.Sprint(rng.IntN(1e6), " ", sentence(rng, 14)))
	}
	var b strings.Builder
	some := rows / 100
	if day == 0 {
		some = rows
	}
	for range some {
		b.WriteString(row())
	}
	appendTo(name, b.String())
	if day == 0 {
		return
	}
	f := must(os.OpenFile(name, os.O_WRONLY, 0))
	defer f.Close()
	for range 2 * some {
		must(f.WriteAt([]byte(row()), rng.Int64N(int64(rows))*rowSize))
	}
}

// editBlob writes 1 to 64 bytes at a hundred places.
func editBlob(name string, day int, rng *rand.Rand, size int) {
	if day == 0 {
		check(os.WriteFile(name, randomBytes(rng, size), 0o644))
		return
	}
	scatter(name, 100, rng, func() (int64, int) { return rng.Int64N(int64(size) - 64), 1 + rng.IntN(64) })
}
