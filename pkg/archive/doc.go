// Package archive writes and reads archives: the frames of a chunk stream, an index after them, and
// a trailer. docs/format.md is the specification.
//
// A [Writer] writes an archive in one pass to any io.Writer. A [Reader] opens an archive on an
// io.ReaderAt and reads at random. The index names the segment, and references are resolved by
// ordinal, in the archive itself or in its parents. A [Scanner] reads a stream or an archive from
// front to back. All three hand out verified data only.
//
// The package uses no files or directories: parents come from a [FindFunc], see package parents.
// Package carve reads damaged archives. Start reading at Reader.ReadAt (block.go).
package archive
