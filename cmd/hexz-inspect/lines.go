package main

import (
	"cmp"
	"fmt"
	"io"

	"hexz/pkg/inspect"
)

// lines returns options that print segments or chunks, as the flags say.
func (o *flags) lines(w io.Writer) inspect.Options {
	var opts inspect.Options
	if o.segments {
		if !o.json {
			fmt.Fprintln(w, "stream\toffset\tbytes\tentries\traw_bytes\tposition\tframe_bytes")
		}
		opts.Segment = func(s inspect.SegmentLine) error {
			if o.json {
				return encode(w, s)
			}
			_, err := fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", printable(s.Stream), s.Offset, s.Bytes, s.Entries, s.Raw, s.Pos, s.Len)
			return err
		}
	}
	if o.chunks {
		if !o.json {
			fmt.Fprintln(w, "stream\toffset\tbytes\tkind\thash\tordinal\tparent\tlevel\tparent_stream\tparent_offset")
		}
		opts.Chunk = func(c inspect.ChunkLine) error {
			if o.json {
				return encode(w, c)
			}
			_, err := fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(c.Stream), c.Offset, c.Bytes, c.Kind, cmp.Or(c.Hash, "-"),
				field(c.Ordinal), field(c.Parent), field(c.Level), field(c.ParentStream), field(c.ParentOffset))
			return err
		}
	}
	return opts
}

// field prints a number that a line may not have.
func field[T any](n *T) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
