// Package restore writes the content of a stream to where it goes: a pipe, a device, a file with its
// holes, or over an old version in place. It restores from an archive in a file ([Archive]) or from
// frames as they come ([Stream]). Whatever is damaged is an error: package salvage goes on.
package restore
