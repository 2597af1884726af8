package cli

import (
	"io"
	"sync"
)

// console is standard error, shared by messages and the progress bar.
type console struct {
	mu    sync.Mutex
	w     io.Writer
	clear func() // wipes the bar from the line, nil if none is drawn; called with mu held
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
