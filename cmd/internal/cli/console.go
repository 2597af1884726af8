package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"hexz/internal/patient"
	"hexz/pkg/blake"
)

// console is standard error, shared by messages and the progress bar.
type console struct {
	mu     sync.Mutex
	w      io.Writer
	paused bool   // no bar is drawn
	clear  func() // wipes the bar from the line, nil if none is drawn; called with mu held
}

// pause wipes the bar and stops its drawing if on is set, and otherwise allows it again.
func (c *console) pause(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = on
	if on && c.clear != nil {
		c.clear()
	}
}

// id returns an id of the place where messages appear. It is equal for all processes that have the
// same file, pipe or terminal as standard error. It is nil if nobody sees messages there, or if
// that is not known.
func (c *console) id() []byte {
	f, ok := c.w.(*patient.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	if null, err := os.Stat(os.DevNull); err != nil || os.SameFile(info, null) {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	// Another machine may have a file with the same numbers.
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	sum := blake.Sum(fmt.Appendf(boot, "%d %d", st.Dev, st.Ino))
	return sum[:16]
}

// Write writes p, whole lines, where the bar was; the bar is drawn again below.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clear != nil {
		c.clear()
	}
	return c.w.Write(p)
}
