// Package salvage makes a valid stream of what package carve has found of a damaged archive or stream,
// with holes where something is lost, and a report of that. Start reading at [Stream] (salvage.go).
package salvage
