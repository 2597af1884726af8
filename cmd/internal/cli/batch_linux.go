package cli

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// batchPasses bounds how often batch looks for threads that were made while it ran.
const batchPasses = 4

// batch tells the scheduler that this process computes and does not interact (SCHED_BATCH): a
// stage that has got input waits for its turn, and does not push another off its CPU for every
// few KiB. In a pipeline of stages that leaves the caches of a compressing thread alone.
// Commands started from here inherit it. Where it is not allowed nothing changes.
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

// batchThread tells whether it has changed the policy of a thread. New threads inherit it.
func batchThread(id int) bool {
	attr, err := unix.SchedGetAttr(id, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return false // the user has chosen another
	}
	attr.Policy = unix.SCHED_BATCH
	return unix.SchedSetAttr(id, attr, 0) == nil
}
