package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

// New threads have the policy of the one that made them, so one after batch is enough to ask.
func TestBatch(t *testing.T) {
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil || before.Policy != unix.SCHED_NORMAL {
		t.Skip("the tests run under a policy of their own")
	}
	batch()
	policy := make(chan uint32)
	go func() {
		attr, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Error(err)
			attr = &unix.SchedAttr{}
		}
		policy <- attr.Policy
	}()
	if got := <-policy; got != unix.SCHED_BATCH {
		t.Errorf("policy is %d", got)
	}
}
