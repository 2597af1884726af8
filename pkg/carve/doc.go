// Package carve finds what is left of a damaged archive or chunk stream: frames that still hold, wherever
// they stand now. (To carve is to find records in raw data without an index.)
//
// A [Carver] hands out frames in the order of the content, and says which bytes were lost between
// them. It makes no stream of that: package salvage does. Start reading at [Carver] (carve.go).
package carve
