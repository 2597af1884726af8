// Package archive writes and reads archives: the frames of a chunk stream, an index after them, and a
// trailer. docs/format.md is the specification.
//
// A [Writer] makes an archive in one pass to any io.Writer. A [Reader] opens one on an io.ReaderAt and
// reads at random: the index names the segment, and references are resolved by ordinal, in the archive
// itself or in its parents. A [Scanner] reads a stream or an archive from front to back. All three hand
// out nothing that was not verified.
//
// It does not know files or directories: parents come from a [FindFunc], see package parents. What is
// left of a damaged archive is the subject of package carve. Start reading at Reader.ReadAt (block.go).
package archive
