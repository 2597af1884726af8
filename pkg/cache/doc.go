// Package cache keeps in memory the values that were used last, up to a limit of cost.
package cache
