package cli

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// tick is the time between two drawings of the bar.
const tick = 100 * time.Millisecond

// progress draws a bar by a timer, whatever the rate of reports.
type progress struct {
	console *console
	bar     *progressbar.ProgressBar
	total   int64        // bytes, -1 if unknown
	done    atomic.Int64 // bytes
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Progress starts to draw the progress of total bytes, if --progress says so; a total below 1 is
// unknown. The function it returns takes the number of bytes done so far; it is cheap, and for any
// goroutine. Drawing ends when Run returns. A second call draws nothing.
func (e *Env) Progress(total int64) func(n int64) {
	if !e.drawsProgress() || e.bar != nil {
		return func(int64) {}
	}
	if total < 1 {
		total = -1
	}
	p := &progress{console: e.console, total: total, stop: make(chan struct{})}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(e.console.w),
		progressbar.OptionSetDescription(e.name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(16),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0)) // the spinner would draw beside our timer
	p.bar.StartWithoutRender()
	e.console.mu.Lock()
	e.console.clear = func() { _ = p.bar.Clear() }
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
	n := p.done.Load()
	if p.total > 0 {
		n = min(n, p.total) // a file may have grown
	}
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	if !p.console.paused {
		_ = p.bar.Set64(n)
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
