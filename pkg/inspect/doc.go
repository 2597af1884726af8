// Package inspect reports what is in an archive or a stream of frames, and on the parents of an
// archive. It decodes nothing and verifies no content. Start reading at [Archive] (inspect.go) and
// [Chain] (chain.go).
package inspect
