package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// blockDevice reports whether info describes a block device.
func blockDevice(info os.FileInfo) bool {
	return info.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
}

// sameFile reports whether writing to one of two files changes the other. Character devices, pipes
// and sockets may be both input and output: think of /dev/null. All files with the number of a
// block device are the same device. A device is also the same as the storage below it: a partition
// as its disk, a loop device as its file.
func sameFile(a, b os.FileInfo) bool {
	x, y := storageOf(a), storageOf(b)
	return len(x) > 0 && len(y) > 0 && (slices.Contains(x, y[0]) || slices.Contains(y, x[0]))
}

// storage identifies a regular file or a block device.
type storage struct {
	block    bool
	dev, ino uint64 // ino is 0 for a block device
}

// maxStorage is the greatest number of storages that a device is made of.
const maxStorage = 64

// storageOf returns the storage of info, and then all that it is made of, as far as that is known.
// It returns nothing for a file that is neither regular nor a block device.
func storageOf(info os.FileInfo) []storage {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case info.Mode().IsRegular():
		return []storage{{dev: uint64(st.Dev), ino: uint64(st.Ino)}}
	case !blockDevice(info):
		return nil
	}
	list := []storage{{block: true, dev: uint64(st.Rdev)}}
	for i := 0; i < len(list) && len(list) < maxStorage; i++ {
		if list[i].block {
			list = append(list, below(list[i].dev)...)
		}
	}
	return list
}

// below returns what a block device is made of, according to Linux.
func below(dev uint64) []storage {
	dir := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(dev), unix.Minor(dev))
	var list []storage
	if info := backingFile(dir); info != nil {
		list = append(list, storageOf(info)...)
	}
	numbers, _ := filepath.Glob(dir + "/slaves/*/dev")
	if _, err := os.Stat(dir + "/partition"); err == nil {
		if disk, err := filepath.EvalSymlinks(dir); err == nil {
			numbers = append(numbers, filepath.Join(filepath.Dir(disk), "dev"))
		}
	}
	for _, path := range numbers {
		text, _ := os.ReadFile(path)
		first, second, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
		major, err := strconv.ParseUint(first, 10, 32)
		minor, err2 := strconv.ParseUint(second, 10, 32)
		if err == nil && err2 == nil {
			list = append(list, storage{block: true, dev: unix.Mkdev(uint32(major), uint32(minor))})
		}
	}
	return list
}
