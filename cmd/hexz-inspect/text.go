package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hexz/cmd/internal/cli"
	"hexz/pkg/index"
	"hexz/pkg/inspect"
)

// printable escapes characters that might confuse a terminal or a reader of columns.
func printable(s string) string {
	q := strconv.QuoteToGraphic(s)
	if q == `"`+s+`"` && !strings.ContainsAny(s, "\t") {
		return s
	}
	return q
}

// report prints lines, each with a name and a value.
type report struct {
	w   io.Writer
	err error
}

func (r *report) line(name, format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
}

func printReport(w io.Writer, rep *inspect.Report) error {
	r := &report{w: w}
	r.line("kind", "%s", rep.Kind)
	if rep.ID != "" {
		r.line("id", "%s", rep.ID)
	}
	if rep.Encrypted {
		r.line("encrypted", "for %s", printable(strings.Join(rep.Recipients, ", ")))
	}
	for _, id := range rep.Signatures {
		r.line("signature", "by key %s, not checked here", id)
	}
	if rep.Locked {
		r.line("stored", "%s (%d bytes)", cli.FormatSize(rep.Size), rep.Size)
		r.line("content", "not shown: it needs a key (-i)")
		return r.err
	}
	r.line("content", "%s (%d bytes)", cli.FormatSize(rep.Bytes), rep.Bytes)
	r.line("stored", "%s (%d bytes), 1 : %.2f", cli.FormatSize(rep.Size), rep.Size, rep.Total)
	for i, p := range rep.Parents {
		r.line("parent", "%d: %s %s", i, p.ID, printable(p.Hint))
	}
	for _, s := range rep.Streams {
		r.line("stream", "%s: %d bytes, %s", printable(s.Name), s.Size, params(s.Chunker))
		r.line("  root", "%s", s.Root)
		for _, name := range slices.Sorted(maps.Keys(s.Digests)) {
			r.line("  "+printable(name), "%s", s.Digests[name])
		}
	}
	for _, c := range []struct {
		name, what string
		index.Count
	}{
		{"data", "chunk", rep.Data}, {"patched", "chunk", rep.Patch}, {"ref", "reference", rep.Ref},
		{"from parents", "reference", rep.Parent}, {"nodes", "node", rep.Node},
		{"zero", "run", rep.Zero}, {"hole", "hole", rep.Hole},
	} {
		if c.name == "from parents" && len(rep.Parents) == 0 || (c.name == "patched" || c.name == "nodes") && c.N == 0 {
			continue
		}
		r.line(c.name, "%s, %s", cli.Counted(c.N, c.what), cli.FormatSize(c.Bytes))
	}
	r.line("dedup", "1 : %.3f", rep.Dedup)
	if rep.Patch.N > 0 {
		r.line("delta", "1 : %.3f, patches take %s", rep.Delta, cli.FormatSize(rep.Programs))
	}
	r.line("compression", "1 : %.3f, %s, %s stored in %s", rep.Compress, cli.Counted(rep.Segments, "segment"), cli.FormatSize(rep.Raw), cli.FormatSize(rep.Payload))
	for _, name := range slices.Sorted(maps.Keys(rep.Codecs)) {
		r.line("  "+printable(name), "%s, %s", cli.Counted(rep.Codecs[name].N, "segment"), cli.FormatSize(rep.Codecs[name].Bytes))
	}
	if rep.Dicts > 0 {
		r.line("dictionaries", "%d", rep.Dicts)
	}
	for _, v := range rep.Stages {
		if m, ok := v.(map[string]any); ok {
			r.line("stage", "%s", params(m))
		}
	}
	for _, b := range rep.Chunks {
		r.line("chunks", "%10d to %8d bytes: %8d %s, %s", b.Min, b.Max, b.N, cli.Plural(b.N, "chunk"), cli.FormatSize(b.Bytes))
	}
	return r.err
}

// params prints a map, after its name.
func params(m map[string]any) string {
	var first, rest []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == "name" || k == "stage" {
			first = append(first, printable(fmt.Sprint(m[k])))
		} else {
			v := m[k]
			if b, ok := v.([]byte); ok {
				v = hex.EncodeToString(b)
			}
			rest = append(rest, printable(fmt.Sprintf("%s=%v", k, v)))
		}
	}
	return strings.Join(append(first, rest...), " ")
}
