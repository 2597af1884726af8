// Package campaign damages archives of every kind in many ways, and holds every reader to its
// word: a fault is found, what comes out is right, and what was not hit can be had. It has tests
// only; see docs/reliability.md for what they are to show and what they have shown.
package campaign
