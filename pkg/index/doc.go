// Package index is the part of an archive after its body: map pages, which say where segments are;
// entry pages, which say what they hold; the root, whose digest is the id of the archive; the trailer,
// and signatures after it. It is also the keys that all of that is sealed with.
//
// An [Index] is opened from an archive or from an exported index, and found by package carve in a
// damaged one. It reads no segments: that is the work of package archive, which most programs use
// instead. Start reading at [Open] (index.go) and [Root] (root.go).
package index
