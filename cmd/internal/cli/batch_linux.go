package cli

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// batchPasses is the greatest number of times that batch looks for threads made while it ran.
const batchPasses = 4

// batch tells the scheduler that this process computes and does not interact (SCHED_BATCH). A stage
// that gets input then waits for its turn, and does not push another stage off its CPU for every
// few KiB. In a pipeline of stages this preserves the caches of a compressing thread. Commands
// started from here inherit the policy. If the policy is not allowed, nothing changes.
func batch() {
	for range batchPasses {
		changed := false
		threads, _ := os.ReadDir("/proc/self/task")
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err == nil && batchThread(id) {
				changed = true
			}
		}
		if !changed {
			return
		}
	}
}

// batchThread reports whether it has changed the policy of a thread. New threads inherit the
// policy.
func batchThread(id int) bool {
	attr, err := unix.SchedGetAttr(id, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return false // the user has chosen another
	}
	attr.Policy = unix.SCHED_BATCH
	return unix.SchedSetAttr(id, attr, 0) == nil
}
