// Package diff compares the content of two archives by their indexes. It reads a segment only where
// two chunks that differ are to be compared byte by byte. Start reading at [Archives] (diff.go),
// then walker (walk.go).
package diff
