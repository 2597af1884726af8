// Package commit makes the next version of an archive from what has changed: an overlay on its base.
// [Apply] reads the changes and the index of the base, and little else. Where the changes come from is
// the subject of package overlay. Start reading at Apply (commit.go), then recutter (cut.go).
package commit
