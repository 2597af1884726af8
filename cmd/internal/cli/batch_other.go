//go:build !linux

package cli

func batch() {}
