// Package campaign damages archives of every kind in many ways, and checks the promises of every
// reader: a fault is found, the output is right, and the undamaged content can be restored. It has
// only tests; see docs/reliability.md for their purpose and results.
package campaign
