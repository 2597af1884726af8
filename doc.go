// Package hexz packs disk images, memory dumps and other big blobs into one archive: deduplicated,
// compressed, encrypted and signed if you like, and readable at any offset.
//
// For most programs three functions are enough. [Pack] makes an archive in one pass, to any
// [io.Writer]. [Open] and [OpenFile] open one. [Archive.Stream] returns one of its streams, which is
// an [io.ReaderAt] with a size: whatever reads a file at random reads a part of an archive.
//
// What comes out of an archive was verified by its hash before it is handed out. A writer that fails
// leaves nothing that passes for an archive.
//
// # Stages
//
// Pack is a [Pipeline] of stages, the same that the programs hexz-chunk, hexz-dedup, hexz-delta,
// hexz-compress and hexz-seal run. Each reads a stream of frames and writes one. A program may join
// them in another way, leave some out, and put a [Stage] of its own between them.
//
// # Which package do I need?
//
//	hexz           pack, open, read, verify
//	pkg/archive    read an archive at random or from front to back; verify it
//	pkg/stream     frames: to write a stage
//	pkg/stage      the stages with all of their options; signatures
//	pkg/similar    the stage that makes patches
//	pkg/parents    find the parents of a thin archive
//	pkg/restore    restore to a file with its holes, or over an old version in place
//	pkg/commit     make the next version from what has changed
//	pkg/diff       which ranges differ between two archives
//	pkg/inspect    what is in an archive; its chain of parents
//	pkg/salvage    what is left of a damaged archive
//	pkg/seal       the keys of signatures; what opens an encrypted archive
//	pkg/keys       identities and recipients, as the options of pkg/stage take them
//	pkg/chunker    content-defined cut points, for other uses as well
//
// # Compatibility
//
// The version is 0: the formats and this interface may change with each minor version. Version 1
// will keep both.
package hexz
