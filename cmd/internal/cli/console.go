package cli

import (
	"io"
	"sync"
)

// console is standard error, shared by messages and the progress bar.
type console struct {
	mu     sync.Mutex
	w      io.Writer
	paused bool   // no bar is drawn
	clear  func() // wipes the bar from the line, nil if none is drawn; called with mu held
}

// pause wipes the bar, and tells whether none is to be drawn.
func (c *console) pause(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = on
	if on && c.clear != nil {
		c.clear()
	}
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
