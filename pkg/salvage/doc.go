// Package salvage turns the finds of package carve in a damaged archive or stream into a valid
// stream, with holes where content is lost, and a report of the losses. Start reading at [Stream]
// (salvage.go).
package salvage
