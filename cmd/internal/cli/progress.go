package cli

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tick is the time between two drawings of the bar.
const tick = 100 * time.Millisecond

// progress draws a bar by a timer, at a rate independent of that of reports.
type progress struct {
	console *console
	name    string
	total   int64 // bytes, below 1 if unknown
	start   time.Time
	width   int          // columns of the line that is drawn, guarded by console.mu
	done    atomic.Int64 // bytes
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Progress starts to draw the progress of total bytes, if --progress says so. A total below 1 is
// unknown. The function it returns takes the number of bytes done so far. That function is cheap,
// and any goroutine may call it. Drawing ends when Run returns. A second call draws nothing.
func (e *Env) Progress(total int64) func(n int64) {
	if !e.drawsProgress() || e.bar != nil {
		return func(int64) {}
	}
	p := &progress{console: e.console, name: e.name, total: total, start: time.Now(), stop: make(chan struct{})}
	e.console.mu.Lock()
	e.console.clear = p.clear
	e.console.mu.Unlock()
	e.mu.Lock()
	e.bar = p
	e.mu.Unlock()
	p.stopped.Go(p.loop)
	return p.done.Store
}

// drawsProgress applies --progress. In a pipeline, auto lets only the last stage draw.
func (e *Env) drawsProgress() bool {
	switch e.opts.progress {
	case "always":
		return true
	case "auto":
		if e.Quiet || !e.onTerminal() {
			return false
		}
		info, err := e.Stdout.Stat()
		return err == nil && info.Mode()&os.ModeNamedPipe == 0
	}
	return false
}

func (p *progress) loop() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.draw()
		}
	}
}

// draw ignores errors: a bar that cannot be drawn must not stop the work.
func (p *progress) draw() {
	line := barLine(p.name, p.done.Load(), p.total, time.Since(p.start))
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if !p.console.paused {
		rest := max(0, p.width-len(line)) // the rest of the line before
		_, _ = fmt.Fprintf(p.console.w, "\r%s%s", line, strings.Repeat(" ", rest))
		p.width = len(line) + rest
	}
}

// clear wipes the line. The console is locked.
func (p *progress) clear() {
	if p.width > 0 {
		_, _ = fmt.Fprintf(p.console.w, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}

// progressDone draws the last state and leaves it on its own line, or wipes it after a failure.
func (e *Env) progressDone(failed bool) {
	e.mu.Lock()
	p := e.bar
	e.bar = nil
	e.mu.Unlock()
	if p == nil {
		return
	}
	close(p.stop)
	p.stopped.Wait()
	if failed {
		p.console.pause(true)
	} else {
		p.draw()
	}
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	p.console.clear = nil
	if failed {
		return
	}
	_, _ = fmt.Fprintln(p.console.w)
}
