//go:build !linux

package stage

import "os"

func adviseSequential(*os.File) {}

func waits(*os.File) bool { return false }

func splice(*os.File, *os.File, int64) (int64, error) { return 0, errNoSplice }
