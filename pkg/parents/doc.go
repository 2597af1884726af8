// Package parents finds the parents of thin archives in files and directories: by id, or by content
// if a parent was sealed anew. Package archive reads them. Start reading at [Finder] (find.go).
package parents
