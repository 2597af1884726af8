// Package stage holds the stages that most pipelines have. Each reads a stream of frames, or bytes,
// from an io.Reader and writes a stream, or an archive, to an io.Writer. The package has cutting,
// deduplication, compression, sealing, their inverses, and signatures. Patches are made in package
// similar, and streams are restored in package restore. Stages that begin from more than one input
// have packages of their own.
//
// Every stage that reads frames also takes an archive and reads its body. A stage that fails ends
// its output with an Abort frame, if it still can, and returns the error. The sentinels of package
// stream say whose fault it was. Options are plain structs whose zero value works. No stage closes
// a file that it did not open. Start reading at [Dedup] (dedup.go), the simplest.
package stage
