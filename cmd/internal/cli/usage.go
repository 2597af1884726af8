package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage holds the resources that a process has used, for --stats. It differs from run to run.
type usage struct {
	Seconds   float64 `json:"seconds"`        // elapsed time
	User      float64 `json:"user_seconds"`   // of CPU time, in all threads
	System    float64 `json:"system_seconds"` // of CPU time in the kernel
	MaxMemory int64   `json:"max_rss_bytes"`  // most memory that was resident at one time
}

// usageSince returns the usage of this process since it began, at start. Commands that it has
// started do not count.
func usageSince(start time.Time) usage {
	u := usage{Seconds: seconds(time.Since(start)), MaxMemory: maxResident()}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.User, u.System = seconds(time.Duration(r.Utime.Nano())), seconds(time.Duration(r.Stime.Nano()))
		if u.MaxMemory == 0 {
			u.MaxMemory = int64(r.Maxrss) << 10
		}
	}
	return u
}

// seconds returns d in seconds, to the microsecond.
func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

// maxResident returns the most memory that this program had resident, in bytes, or 0 if that is not
// known. Maxrss of getrusage would also count the program that has started this one.
func maxResident() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
