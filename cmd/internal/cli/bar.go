package cli

import (
	"fmt"
	"strings"
	"time"
)

// barWidth is the width of the bar proper, in columns. With this width a line with a long name and
// large numbers still fits 80 columns.
const barWidth = 10

// maxLeft is the longest time left that is worth showing.
const maxLeft = 100 * time.Hour

// barLine returns the line of the progress bar after n of total bytes and some time, without a line
// end. A total below 1 is unknown.
func barLine(name string, n, total int64, elapsed time.Duration) string {
	var rate float64 // bytes in a second
	if s := elapsed.Seconds(); s > 0 {
		rate = float64(n) / s
	}
	speed := FormatSize(int64(rate)) + "/s"
	if total < 1 {
		return fmt.Sprintf("%s %s, %s, %s", name, FormatSize(n), speed, clock(elapsed))
	}
	n = min(n, total) // a file may have grown
	share := float64(n) / float64(total)
	full := int(share * barWidth)
	line := fmt.Sprintf("%s %3d%% [%s%s] %s of %s, %s", name, int(share*100), strings.Repeat("#", full),
		strings.Repeat(" ", barWidth-full), FormatSize(n), FormatSize(total), speed)
	if left := float64(total-n) / rate; n < total && left < maxLeft.Seconds() { // false if rate is 0
		line += ", " + clock(time.Duration(left*float64(time.Second))) + " left"
	}
	return line
}

// clock returns a time as 3:07 or 1:03:07.
func clock(d time.Duration) string {
	s := int64(max(d, 0).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
