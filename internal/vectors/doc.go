// Package vectors reads the archives of testdata/archives with every reader, and makes them. It has
// only tests; see testdata/archives/README.md for what the files are.
package vectors
