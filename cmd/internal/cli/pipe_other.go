//go:build !linux

package cli

import "os"

// growPipe does nothing: only Linux can set the size of a pipe.
func growPipe(*os.File) {}

// awaitNoReader reports whether the reader of a pipe has gone away. On this system only a write
// shows that.
func awaitNoReader(*os.File) bool { return false }
