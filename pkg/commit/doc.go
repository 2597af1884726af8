// Package commit makes the next version of an archive from the changes: an overlay on its base.
// [Apply] reads the changes and the index of the base, and little else. Package overlay finds the
// changes. Start reading at Apply (commit.go), then recutter (cut.go).
package commit
