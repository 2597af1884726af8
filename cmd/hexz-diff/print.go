package main

import (
	"bufio"
	"fmt"
	"strconv"

	"hexz/cmd/internal/cli"
	"hexz/pkg/diff"
	"hexz/pkg/index"
)

// printText makes o print the differences for people. Errors stay in w until its Flush.
func printText(w *bufio.Writer, o *diff.Options) {
	o.Begin = func(s *diff.Stream) error {
		switch {
		case s.B == nil:
			fmt.Fprintf(w, "stream %s: only in A, %s\n", strconv.QuoteToGraphic(s.Name), cli.Counted(*s.A, "byte"))
		case s.A == nil:
			fmt.Fprintf(w, "stream %s: only in B, %s\n", strconv.QuoteToGraphic(s.Name), cli.Counted(*s.B, "byte"))
		default:
			exact := "chunks"
			if s.Exact {
				exact = "bytes"
			}
			fmt.Fprintf(w, "stream %s: %d and %d bytes, compared by %s\n", strconv.QuoteToGraphic(s.Name), *s.A, *s.B, exact)
		}
		return nil
	}
	o.Range = func(r diff.Range) error {
		_, err := fmt.Fprintf(w, "  differs at %d: %s\n", r.Offset, cli.Counted(r.Length, "byte"))
		return err
	}
	o.End = func(s *diff.Stream) error {
		switch {
		case s.A == nil || s.B == nil:
		case s.Identical:
			fmt.Fprintf(w, "  identical\n")
		default:
			fmt.Fprintf(w, "  %s in %s, %s\n", cli.Counted(s.Differ, "different byte"), cli.Counted(s.Ranges, "range"), cli.Counted(s.Equal, "equal byte"))
		}
		return nil
	}
}

func endText(w *bufio.Writer, rep *diff.Report) error {
	if rep.Totals == nil {
		return nil
	}
	for _, c := range []struct {
		name string
		index.Count
	}{{"in both", rep.Totals.Shared}, {"only in A", rep.Totals.OnlyA}, {"only in B", rep.Totals.OnlyB}} {
		fmt.Fprintf(w, "chunks %-9s %8d, %s\n", c.name, c.N, cli.FormatSize(c.Bytes))
	}
	return nil
}

// printJSON makes o print the first part of an object, up to the end of its streams. A stream is
// written while it is compared, since it may have more ranges than memory should hold.
func printJSON(w *bufio.Writer, o *diff.Options) {
	between := `{"version":1,"streams":[`
	comma := ""
	o.Begin = func(s *diff.Stream) error {
		fmt.Fprintf(w, `%s{"name":%s,"size_a":%s,"size_b":%s,"exact":%v,"ranges":[`, between, cli.JSON(s.Name), cli.JSON(s.A), cli.JSON(s.B), s.Exact)
		between, comma = ",", ""
		return nil
	}
	o.Range = func(r diff.Range) error {
		_, err := fmt.Fprintf(w, "%s%s", comma, cli.JSON(r))
		comma = ","
		return err
	}
	o.End = func(s *diff.Stream) error {
		_, err := fmt.Fprintf(w, `],"identical":%v,"equal_bytes":%d,"differing_bytes":%d}`, s.Identical, s.Equal, s.Differ)
		return err
	}
}

func endJSON(w *bufio.Writer, rep *diff.Report) error {
	if len(rep.Streams) == 0 {
		w.WriteString(`{"version":1,"streams":[`)
	}
	totals := ""
	if rep.Totals != nil {
		totals = `,"totals":` + string(cli.JSON(rep.Totals))
	}
	_, err := fmt.Fprintf(w, `],"identical":%v%s}`+"\n", rep.Identical, totals)
	return err
}
