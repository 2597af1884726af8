// Package index is the part of an archive after its body: lists of pages, the root, the trailer,
// and signatures after the trailer. Map pages say where segments are. Entry pages say what segments
// hold. Pages of nodes have the nodes of the content trees. Directory pages lead from the root to all
// of these. The body decides what they are, and a [Builder] makes them. The digest of the root is the id of the archive. The keys that seal all parts of
// an encrypted archive are here, too.
//
// An [Index] is opened from an archive or from an exported index. Package carve finds the index of
// a damaged archive. An Index reads no segments: package archive does, and most programs use that
// package instead. Start reading at [Open] (index.go), [Root] (root.go)
// and [List] (list.go).
package index
