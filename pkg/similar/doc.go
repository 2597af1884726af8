// Package similar is the stage that makes patches: it finds chunks of parents, or earlier chunks, that a
// chunk is much like, first near the place where the version before has it, then by samples anywhere.
// What a patch is, and how one is made of given texts, is the subject of package delta. Start reading at
// [Delta] (delta.go), then bases.encode (pick.go).
package similar
