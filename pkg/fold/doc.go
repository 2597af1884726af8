// Package fold finds the parts of a stream that archives have as whole nodes of their content
// trees, and puts one entry in the place of each: a reference to the node.
//
// A Table knows the nodes of some archives, the parents. A Folder takes the entries of a stream,
// holds back those that may be part of a node, and writes the largest nodes that the Table has.
// Start reading with Folder.
package fold
