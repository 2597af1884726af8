package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A new thread has the policy of the thread that made it, so it is enough to ask one made after
// batch.
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
