// Package carve finds the frames of a damaged archive or chunk stream that are still whole,
// wherever they stand now. (To carve is to find records in raw data without an index.)
//
// A [Carver] hands out frames in the order of the content, and says which bytes were lost between
// them. Package salvage makes a stream of these frames. Start reading at [Carver] (carve.go).
package carve
