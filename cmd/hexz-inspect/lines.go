package main

import (
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
			fmt.Fprintln(w, "stream\toffset\tbytes\tkind\thash\tordinal")
		}
		opts.Chunk = func(c inspect.ChunkLine) error {
			if o.json {
				return encode(w, c)
			}
			hash, ordinal := "-", "-"
			if c.Hash != "" {
				hash = c.Hash
			}
			if c.Ordinal != nil {
				ordinal = fmt.Sprint(*c.Ordinal)
			}
			_, err := fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", printable(c.Stream), c.Offset, c.Bytes, c.Kind, hash, ordinal)
			return err
		}
	}
	return opts
}
