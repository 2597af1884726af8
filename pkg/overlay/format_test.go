package overlay

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func TestFormat(t *testing.T) {
	footer := make([]byte, 512)
	copy(footer, vhdMagic)
	binary.BigEndian.PutUint32(footer[12:], 1<<16)
	vdi := make([]byte, 512)
	copy(vdi, "<<< another program >>>\n")
	copy(vdi[64:], "\x7f\x10\xda\xbe")
	for _, c := range []struct {
		text []byte
		want string
	}{
		{nil, ""},
		{[]byte("Q"), ""},
		{[]byte("QFI"), ""},
		{[]byte("QFI\xfb"), "qcow2"},
		{[]byte("QFI\xfb and more"), "qcow2"},
		{[]byte("KDMV\x01\x00\x00\x00"), "VMDK"},
		{[]byte("# Disk DescriptorFile\nversion=1\n"), "VMDK (descriptor)"},
		{[]byte("vhdxfile"), "VHDX"},
		{[]byte("conectix"), "VHD"},
		{slices.Concat(make([]byte, 4096), footer), "VHD"},
		{slices.Concat(make([]byte, 4096), footer, []byte{0}), ""},
		{slices.Concat(make([]byte, 4096), []byte("conectix"), make([]byte, 504)), ""},
		{vdi, "VDI"},
		{[]byte("<<< Oracle VM VirtualBox Disk Image >>>\n"), "VDI"},
		{[]byte("<<< Some text >>>"), ""},
		{[]byte("QED\x00"), "QED"},
		{[]byte("WithoutFreeSpace"), "Parallels"},
		{[]byte("\x1f\x8b\x08\x00"), "gzip"},
		{[]byte("\x28\xb5\x2f\xfd"), "zstd"},
		{[]byte("\xfd7zXZ\x00"), "xz"},
		{[]byte("BZh91AY&SY"), "bzip2"},
		{[]byte("BZh9 and other text"), ""},
		{[]byte("EVF\x09\x0d\x0a\xff\x00"), "EWF"},
		{[]byte("\x95\x00\xa4hexz\x01"), "hexz"},
		{[]byte("LUKS\xba\xbe\x00\x02"), "LUKS"},
		{[]byte("SKUL\xba\xbe\x00\x02"), "LUKS"},
		{[]byte("LUKS and other text"), ""},
		{bytes.Repeat([]byte{0}, 4096), ""},
	} {
		got, err := Format(bytes.NewReader(c.text), int64(len(c.text)))
		if err != nil || got != c.want {
			t.Errorf("%.40q of %d bytes: %q, %v", c.text, len(c.text), got, err)
		}
	}
	if name := FormatOf([]byte("LUKS\xba\xbe\x00\x02")); name != "" { // hexz-chunk would warn of it
		t.Errorf("a disk with LUKS is taken for no raw image but %s", name)
	}
	if _, err := Format(bytes.NewReader(nil), 1000); err == nil {
		t.Error("a file that is shorter than it says has a format")
	}
}
