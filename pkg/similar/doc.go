// Package similar is the stage that makes patches. For each chunk it looks for similar chunks, of
// parents or earlier in the stream: first near the place of the chunk in the version before, then
// by samples anywhere. Package delta defines patches and makes them from given texts. Start reading
// at [Delta] (delta.go), then bases.tryAnywhere (pick.go).
package similar
