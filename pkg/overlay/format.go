package overlay

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// qcow2Format is the name of the only format of disk images that this package reads.
const qcow2Format = "qcow2"

// FormatLen is the number of bytes at the start of a file that FormatOf examines.
const FormatLen = 68

// vhdFooter is the length of the last part of a VHD file, and of its copy at the start.
const vhdFooter = 512

const vhdMagic = "conectix"

// formats holds the magic numbers of files that are no raw images.
var formats = []struct {
	at          int
	magic, name string
}{
	{0, qcow2Magic, qcow2Format},
	{0, "KDMV", "VMDK"},
	{0, "COWD", "VMDK"},
	{0, "# Disk DescriptorFile", "VMDK (descriptor)"},
	{0, vhdMagic, "VHD"},
	{0, "vhdxfile", "VHDX"},
	{64, "\x7f\x10\xda\xbe", "VDI"},
	{0, "QED\x00", "QED"},
	{0, "WithoutFreeSpace", "Parallels"},
	{0, "WithouFreSpacExt", "Parallels"},
	{0, "EVF\x09\x0d\x0a\xff\x00", "EWF"},
	{0, "EVF2\x0d\x0a\x81\x00", "EWF"},
	{0, "\x95\x00\xa4hexz", "hexz"},
	{0, "\x1f\x8b\x08", "gzip"},
	{0, "\x28\xb5\x2f\xfd", "zstd"},
	{0, "\xfd7zXZ\x00", "xz"},
	{0, "\x04\x22\x4d\x18", "lz4"},
	{0, "7z\xbc\xaf\x27\x1c", "7z"},
}

// luksMagic are the first bytes of a LUKS container, and of the second header of one.
var luksMagic = []string{"LUKS\xba\xbe", "SKUL\xba\xbe"}

// FormatOf returns the name of the format that a file has whose first bytes are p: qcow2, VMDK,
// VHD, VHDX, VDI, QED, Parallels or EWF of disk images, gzip, zstd, xz, bzip2, lz4 or 7z of
// compressed files, or hexz. For all others, raw images among them, it is "". More than FormatLen
// bytes make no difference.
func FormatOf(p []byte) string {
	s := string(p[:min(len(p), FormatLen)])
	for _, f := range formats {
		if len(s) >= f.at && strings.HasPrefix(s[f.at:], f.magic) {
			return f.name
		}
	}
	if head, _, ok := strings.Cut(s, " Disk Image >>>"); ok && strings.HasPrefix(head, "<<< ") {
		return "VDI"
	}
	if len(s) >= 10 && strings.HasPrefix(s, "BZh") && s[3] >= '1' && s[3] <= '9' && s[4:10] == "1AY&SY" {
		return "bzip2"
	}
	return ""
}

// Format returns what FormatOf does for a file of size bytes on r. It also knows a LUKS container,
// which the raw image of a disk may well be, and a VHD file of fixed size: a raw image with a
// footer.
func Format(r io.ReaderAt, size int64) (string, error) {
	p := make([]byte, min(size, FormatLen))
	if err := readFull(r, p, 0); err != nil {
		return "", err
	}
	for _, magic := range luksMagic {
		if strings.HasPrefix(string(p), magic) {
			return "LUKS", nil
		}
	}
	if name := FormatOf(p); name != "" || size < 2*vhdFooter {
		return name, nil
	}
	footer := make([]byte, vhdFooter)
	if err := readFull(r, footer, size-vhdFooter); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) { // the file has fewer bytes than its size says
			return "", nil
		}
		return "", err
	}
	if string(footer[:8]) == vhdMagic && binary.BigEndian.Uint32(footer[12:]) == 1<<16 {
		return "VHD", nil
	}
	return "", nil
}
