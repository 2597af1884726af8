// Package stage holds the stages that most pipelines have: each reads a stream of frames, or bytes, from
// an io.Reader and writes one, or an archive, to an io.Writer. Cutting, deduplication, compression,
// sealing and their inverses stand here, and signatures; patches in package similar, restoring in
// package restore, and all that begins from more than one input in rooms of its own.
//
// Every stage that reads frames takes an archive as well and reads its body. A stage that fails ends its
// output with an Abort frame, if it still can, and returns the error; the sentinels of package stream
// tell whose fault it was. Options are plain structs whose zero value works. No stage closes what it did
// not open. Start reading at [Dedup] (dedup.go), the simplest.
package stage
