package cli

import (
	"testing"
	"time"
)

func TestBarLine(t *testing.T) {
	for _, c := range []struct {
		n, total int64
		elapsed  time.Duration
		want     string
	}{
		{0, 10 << 20, 0, "hexz-compress   0% [          ] 0 B of 10.0 MiB, 0 B/s"},
		{5 << 20, 20 << 20, 10 * time.Second, "hexz-compress  25% [##        ] 5.00 MiB of 20.0 MiB, 512 KiB/s, 0:30 left"},
		{10 << 30, 10 << 30, 100 * time.Second, "hexz-compress 100% [##########] 10.0 GiB of 10.0 GiB, 102 MiB/s"},
		{11, 10, time.Second, "hexz-compress 100% [##########] 10 B of 10 B, 11 B/s"}, // the file has grown
		{999 << 20, 999 << 30, 99 * time.Second, "hexz-compress   0% [          ] 999 MiB of 999 GiB, 10.1 MiB/s, 28:07:56 left"},
		{999 << 20, 999 << 40, 99 * time.Second, "hexz-compress   0% [          ] 999 MiB of 999 TiB, 10.1 MiB/s"},
		{5 << 20, 0, 3661 * time.Second, "hexz-compress 5.00 MiB, 1.40 KiB/s, 1:01:01"},
		{0, -1, 0, "hexz-compress 0 B, 0 B/s, 0:00"},
	} {
		got := barLine("hexz-compress", c.n, c.total, c.elapsed)
		if got != c.want {
			t.Errorf("%d of %d after %v: %q, want %q", c.n, c.total, c.elapsed, got, c.want)
		}
		if len(got) > 79 { // a line of 80 columns would wrap on some terminals
			t.Errorf("%q has %d columns", got, len(got))
		}
	}
}
