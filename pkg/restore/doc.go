// Package restore writes the content of a stream to its target: a pipe, a device, a file with
// holes, or an old version that it updates in place. It restores from an archive in a file
// ([Archive]) or from frames as they come ([Stream]). Any damage is an error; package salvage goes
// on after damage.
package restore
