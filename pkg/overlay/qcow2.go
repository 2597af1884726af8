package overlay

import (
	"encoding/binary"
	"io"
	"strings"
)

// No available library for qcow2 tells the clusters of the top layer apart from others, so this
// package reads the two levels of tables itself. See docs/interop/qcow2.rst of QEMU for the format.

const (
	qcow2Magic      = "QFI\xfb"
	qcow2HeaderSize = 72 // of version 2
	maxL1           = 4 << 20
	maxBackingName  = 1023

	tableOffset = 0x00fffffffffffe00 // of an L2 table, or of a cluster
	compressed  = 1 << 62
	zeroFlag    = 1 // version 3: the cluster reads as zero, whatever its offset

	incompatDirty   = 1 << 0 // of the reference counts, which are not used here
	incompatCorrupt = 1 << 1
	incompatData    = 1 << 2
	incompatCodec   = 1 << 3
	incompatL2      = 1 << 4

	backingFormat = 0xe2792aca // a header extension
)

// qcow2 is one qcow2 file.
type qcow2 struct {
	r          io.ReaderAt
	fileSize   int64
	size       int64
	bits       uint // of the size of a cluster
	version    uint32
	zstd       bool
	sub        bool  // clusters have subclusters: L2 entries have a second word
	l1, l1Size int64 // where the L1 table is in the file, and how many of its bytes are used
	decoder    *decoder
	backing    Backing
}

// Backing is the reference of a qcow2 file to its backing file. The maker of the file chose the
// text.
type Backing struct {
	Name   string // "" if there is none
	Format string // "" if it is not given
}

// NewQcow2 returns the image of a qcow2 file of size bytes on r, versions 2 and 3. The clusters
// that it holds have changed, and those that it leaves to its backing file have not; the backing
// file is not opened. Snapshots inside of the file are not looked at. Errors of the file are
// ErrInvalid or ErrUnsupported.
func NewQcow2(r io.ReaderAt, size int64) (Image, error) {
	q, err := newQcow2(r, size)
	if err != nil {
		return nil, err
	}
	if q.backing.Name == "" {
		return nil, errWhole
	}
	return &changes{stack: newStack([]layer{q})}, nil
}

var errWhole = invalidf("the qcow2 file has no backing file: it is a whole image and no overlay")

func newQcow2(r io.ReaderAt, size int64) (*qcow2, error) {
	var h [112]byte
	if size < qcow2HeaderSize {
		return nil, invalidf("%d bytes are too few for a qcow2 file", size)
	}
	if err := readFull(r, h[:min(size, int64(len(h)))], 0); err != nil {
		return nil, err
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	q := &qcow2{r: r, fileSize: size, size: int64(u64(h[24:])), bits: uint(u32(h[20:])), version: u32(h[4:]), decoder: &decoder{}}
	switch {
	case string(h[:4]) != qcow2Magic:
		return nil, invalidf("not a qcow2 file")
	case q.version != 2 && q.version != 3:
		return nil, unsupportedf("qcow2 version %d; there are 2 and 3", q.version)
	case q.bits < 9 || q.bits > 21:
		return nil, invalidf("qcow2 clusters of 2^%d bytes", q.bits)
	case q.size < 0:
		return nil, invalidf("qcow2 image of %d bytes", uint64(q.size))
	case u32(h[32:]) != 0:
		return nil, unsupportedf("the qcow2 file is encrypted")
	}
	headerSize := int64(qcow2HeaderSize)
	if q.version == 3 {
		headerSize = int64(u32(h[100:]))
		if err := q.features(u64(h[72:]), headerSize, h[104]); err != nil {
			return nil, err
		}
	}
	span := int64(1) << q.tableBits()
	need := q.size/span + min(1, q.size%span)
	l1 := u64(h[40:])
	if need > int64(u32(h[36:])) || need > maxL1 {
		return nil, invalidf("qcow2 L1 table of %d entries; it needs %d", u32(h[36:]), need)
	}
	if l1 > uint64(size) || int64(l1) > size-8*need {
		return nil, invalidf("qcow2 L1 table at byte %d ends after the end of the file", l1)
	}
	q.l1, q.l1Size = int64(l1), 8*need
	return q, q.readBacking(u64(h[8:]), int64(u32(h[16:])), headerSize)
}

// features checks the fields that only version 3 has in its header.
func (q *qcow2) features(bits uint64, headerSize int64, codec byte) error {
	switch {
	case bits&incompatCorrupt != 0:
		return invalidf("the qcow2 file is marked as corrupt: see qemu-img check")
	case bits&incompatData != 0:
		return unsupportedf("the qcow2 file has its data in another file")
	case bits&incompatL2 != 0 && q.bits < 14:
		return invalidf("qcow2 clusters of 2^%d bytes with subclusters", q.bits)
	case bits&^(incompatDirty|incompatCodec|incompatL2) != 0:
		return unsupportedf("the qcow2 file has unknown features %#x", bits)
	}
	q.sub = bits&incompatL2 != 0
	if bits&incompatCodec != 0 && headerSize > 104 {
		if codec > 1 {
			return unsupportedf("the qcow2 file has the unknown compression type %d", codec)
		}
		q.zstd = codec == 1
	}
	return nil
}

// readBacking reads the name of the backing file, at byte at, and its format. The format is in the
// header extensions, which end at the name or with the first cluster.
func (q *qcow2) readBacking(at uint64, length, extensions int64) error {
	end := min(int64(1)<<q.bits, q.fileSize)
	if at == 0 || length == 0 {
		return nil
	}
	if length > maxBackingName || at > uint64(end) || int64(at)+length > end {
		return invalidf("the name of the backing file, %d bytes at byte %d, is not within the first cluster", length, at)
	}
	name := make([]byte, length)
	if err := readFull(q.r, name, int64(at)); err != nil {
		return err
	}
	q.backing.Name = string(name)
	if strings.ContainsRune(q.backing.Name, 0) {
		return invalidf("the name of the backing file, %q, has a byte 0", q.backing.Name)
	}
	if int64(at) > extensions {
		end = int64(at)
	}
	var h [8]byte
	for extensions <= end-8 {
		if err := readFull(q.r, h[:], extensions); err != nil {
			return err
		}
		kind, n := binary.BigEndian.Uint32(h[:]), int64(binary.BigEndian.Uint32(h[4:]))
		extensions += 8
		switch {
		case kind == 0:
			return nil
		case n > end-extensions:
			return invalidf("a qcow2 header extension of %d bytes at byte %d is too long", n, extensions-8)
		case kind == backingFormat && n <= 64:
			format := make([]byte, n)
			if err := readFull(q.r, format, extensions); err != nil {
				return err
			}
			q.backing.Format = string(format)
		}
		extensions += (n + 7) &^ 7
	}
	return nil
}

// Size is the size of the image.
func (q *qcow2) Size() int64 { return q.size }
