package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checkUse returns an error if the regular file that o writes in place, or replaces, is the disk of a
// loop device or of a virtual machine.
func checkUse(o *Output) error {
	if loop := loopOf(o.info); loop != "" {
		return WithHint(fmt.Errorf("%s is in use: it is the disk of %s", o.path, loop),
			fmt.Sprintf("unmount it, and take it away by losetup -d %s; or write to another file", loop))
	}
	f := o.f
	if o.temp != nil {
		var err error
		if f, err = os.Open(o.target); err != nil {
			return nil // what one must not read has no locks to see
		}
		defer f.Close()
	}
	if lockedDisk(f) {
		return WithHint(fmt.Errorf("%s is in use: another process has locked it", o.path),
			"a virtual machine or qemu-img may have it open: end that, or write to another file")
	}
	return nil
}

// loopOf returns the path of a loop device whose backing file info is of, or "".
func loopOf(info os.FileInfo) string {
	dirs, _ := filepath.Glob("/sys/block/loop*")
	for _, dir := range dirs {
		if file := backingFile(dir); file != nil && os.SameFile(file, info) {
			return "/dev/" + filepath.Base(dir)
		}
	}
	return ""
}

// backingFile returns the file that a loop device is made of, given its directory in /sys, or nil.
func backingFile(dir string) os.FileInfo {
	path, err := os.ReadFile(filepath.Join(dir, "loop/backing_file"))
	if err != nil {
		return nil
	}
	info, err := os.Stat(strings.TrimSuffix(string(path), "\n"))
	if err != nil {
		return nil
	}
	return info
}
