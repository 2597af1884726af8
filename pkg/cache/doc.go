// Package cache keeps values in memory up to a limit of cost, the last used ones.
package cache
