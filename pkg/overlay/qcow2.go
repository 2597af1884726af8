package overlay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// No library for qcow2 that can be had tells the clusters of the top layer apart, so the two
// levels of tables are read here. See docs/interop/qcow2.rst of QEMU for the format.

const (
	qcow2Magic      = "QFI\xfb"
	qcow2HeaderSize = 72 // of version 2
	maxL1           = 4 << 20

	tableOffset = 0x00fffffffffffe00 // of an L2 table, or of a cluster
	compressed  = 1 << 62
	zeroFlag    = 1 // version 3: the cluster reads as zero, wherever it is

	incompatDirty   = 1 << 0 // of the counts of references, which are not looked at
	incompatCorrupt = 1 << 1
	incompatData    = 1 << 2
	incompatCodec   = 1 << 3
	incompatL2      = 1 << 4
)

// IsQcow2 tells whether a file begins as a qcow2 file does.
func IsQcow2(r io.ReaderAt) bool {
	var p [len(qcow2Magic)]byte
	return readFull(r, p[:], 0) == nil && string(p[:]) == qcow2Magic
}

// qcow2 is the top layer of a qcow2 file.
type qcow2 struct {
	r            io.ReaderAt
	fileSize     int64
	size, at     int64
	bits         uint // of the size of a cluster
	version      uint32
	zstd         bool
	l1           []byte
	walk, random table  // of Next and of ReadAt
	packed       []byte // a compressed cluster
	plain        []byte // and what is in it
	plainEntry   uint64 // its entry, or 0
	decoder      *zstd.Decoder
}

// table is an L2 table that was read.
type table struct {
	at      int64 // in the file; 0 is none
	entries []byte
}

type clusterKind int

const (
	unallocated clusterKind = iota // it is that of the backing file
	allocated
	zeros
)

// NewQcow2 returns the image of a qcow2 file of size bytes on r, versions 2 and 3. The clusters
// that it holds have changed, and those that it leaves to its backing file have not; the backing
// file is not opened. Snapshots inside of the file are not looked at.
func NewQcow2(r io.ReaderAt, size int64) (Image, error) {
	var h [112]byte
	if size < qcow2HeaderSize {
		return nil, invalidf("%d bytes are too few for a qcow2 file", size)
	}
	if err := readFull(r, h[:min(size, int64(len(h)))], 0); err != nil {
		return nil, err
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	q := &qcow2{r: r, fileSize: size, size: int64(u64(h[24:])), bits: uint(u32(h[20:])), version: u32(h[4:])}
	switch {
	case string(h[:4]) != qcow2Magic:
		return nil, invalidf("not a qcow2 file")
	case q.version != 2 && q.version != 3:
		return nil, invalidf("qcow2 version %d; there are 2 and 3", q.version)
	case q.bits < 9 || q.bits > 21:
		return nil, invalidf("qcow2 clusters of 2^%d bytes", q.bits)
	case q.size < 0:
		return nil, invalidf("qcow2 image of %d bytes", uint64(q.size))
	case u32(h[32:]) != 0:
		return nil, invalidf("the qcow2 file is encrypted")
	case u64(h[8:]) == 0:
		return nil, invalidf("the qcow2 file has no backing file: it is a whole image and no overlay")
	}
	if q.version == 3 {
		if err := q.features(u64(h[72:]), u32(h[100:]), h[104]); err != nil {
			return nil, err
		}
	}
	span := int64(1) << q.spanBits()
	need := q.size/span + min(1, q.size%span)
	l1 := u64(h[40:])
	if need > int64(u32(h[36:])) || need > maxL1 {
		return nil, invalidf("qcow2 L1 table of %d entries; it needs %d", u32(h[36:]), need)
	}
	if l1 > uint64(size) || int64(l1) > size-8*need {
		return nil, invalidf("qcow2 L1 table at byte %d ends behind the file", l1)
	}
	q.l1 = make([]byte, 8*need)
	return q, readFull(r, q.l1, int64(l1))
}

// features looks at what version 3 has in its header beyond version 2.
func (q *qcow2) features(bits uint64, headerSize uint32, codec byte) error {
	switch {
	case bits&incompatCorrupt != 0:
		return invalidf("the qcow2 file is marked as corrupt: see qemu-img check")
	case bits&incompatData != 0:
		return invalidf("the qcow2 file has its data in another file")
	case bits&incompatL2 != 0:
		return invalidf("the qcow2 file has extended L2 entries (subclusters)")
	case bits&^(incompatDirty|incompatCodec) != 0:
		return invalidf("the qcow2 file has unknown features %#x", bits)
	}
	if bits&incompatCodec != 0 && headerSize > 104 {
		if codec > 1 {
			return invalidf("the qcow2 file has the unknown compression type %d", codec)
		}
		q.zstd = codec == 1
	}
	return nil
}

func (q *qcow2) Size() int64 { return q.size }

// spanBits is the logarithm of how much an L2 table covers.
func (q *qcow2) spanBits() uint { return 2*q.bits - 3 }

// tableOf returns where the L2 table for off is, or 0 if there is none.
func (q *qcow2) tableOf(off int64) int64 {
	return int64(binary.BigEndian.Uint64(q.l1[off>>q.spanBits()*8:]) & tableOffset)
}

// entry returns the L2 entry of the cluster that holds off; 0 is unallocated. It reads the
// table unless t is it.
func (q *qcow2) entry(t *table, off int64) (uint64, error) {
	at := q.tableOf(off)
	if at == 0 {
		return 0, nil
	}
	if t.at != at {
		if at&(1<<q.bits-1) != 0 || at > q.fileSize-1<<q.bits {
			return 0, invalidf("qcow2 L2 table at byte %d is not within the file", at)
		}
		if t.entries == nil {
			t.entries = make([]byte, 1<<q.bits)
		}
		t.at = 0
		if err := readFull(q.r, t.entries, at); err != nil {
			return 0, err
		}
		t.at = at
	}
	return binary.BigEndian.Uint64(t.entries[off>>q.bits<<3&(1<<q.bits-1):]), nil
}

func (q *qcow2) kind(entry uint64) clusterKind {
	switch {
	case entry&compressed != 0:
		return allocated
	case q.version == 3 && entry&zeroFlag != 0:
		return zeros
	case entry&tableOffset != 0:
		return allocated
	}
	return unallocated
}

func (q *qcow2) Next() (Change, error) {
	for q.at < q.size {
		c, kind := Change{Offset: q.at}, unallocated
		tableEnd := min((q.at>>q.spanBits()+1)<<q.spanBits(), q.size)
		if q.tableOf(q.at) == 0 {
			q.at = tableEnd
			continue
		}
		for q.at < tableEnd {
			e, err := q.entry(&q.walk, q.at)
			if err != nil {
				return c, err
			}
			k := q.kind(e)
			if q.at == c.Offset {
				kind = k
			} else if k != kind {
				break
			}
			q.at = min(q.at+1<<q.bits, q.size)
		}
		if kind != unallocated {
			c.Length, c.Zero = q.at-c.Offset, kind == zeros
			return c, nil
		}
	}
	return Change{}, io.EOF
}

func (q *qcow2) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("negative offset %d", off)
	}
	done := 0
	for done < len(p) {
		if off >= q.size {
			return done, io.EOF
		}
		within := off & (1<<q.bits - 1)
		n := int(min(int64(len(p)-done), 1<<q.bits-within, q.size-off))
		if err := q.readCluster(p[done:done+n], off, within); err != nil {
			return done, fmt.Errorf("qcow2 cluster at offset %d: %w", off-within, err)
		}
		done += n
		off += int64(n)
	}
	return done, nil
}

// readCluster fills p from one cluster.
func (q *qcow2) readCluster(p []byte, off, within int64) error {
	e, err := q.entry(&q.random, off)
	if err != nil {
		return err
	}
	if q.kind(e) != allocated {
		clear(p)
		return nil
	}
	if e&compressed != 0 {
		if err := q.decode(e); err != nil {
			return err
		}
		copy(p, q.plain[within:])
		return nil
	}
	at := int64(e & tableOffset)
	if at&(1<<q.bits-1) != 0 || at > q.fileSize-within-int64(len(p)) {
		return invalidf("its data at byte %d is not within the file", at)
	}
	return readFull(q.r, p, at+within)
}

// decode makes q.plain the content of a compressed cluster.
func (q *qcow2) decode(e uint64) error {
	if q.plainEntry == e {
		return nil
	}
	shift := 62 - (q.bits - 8)
	at := int64(e & (1<<shift - 1))
	n := int64(e>>shift&(1<<(q.bits-8)-1)+1)*512 - at&511
	n = min(n, q.fileSize-at) // it counts whole sectors
	if n <= 0 {
		return invalidf("its data at byte %d is not within the file", at)
	}
	if q.plain == nil {
		q.plain, q.packed = make([]byte, 1<<q.bits), make([]byte, 2<<q.bits)
	}
	q.plainEntry = 0
	if err := readFull(q.r, q.packed[:n], at); err != nil {
		return err
	}
	src, err := q.decoderOf(bytes.NewReader(q.packed[:n]))
	if err == nil {
		_, err = io.ReadFull(src, q.plain) // what follows is of another cluster
	}
	if err != nil {
		return invalidf("its data at byte %d does not decode: %v", at, err)
	}
	q.plainEntry = e
	return nil
}

func (q *qcow2) decoderOf(src io.Reader) (io.Reader, error) {
	if !q.zstd {
		return flate.NewReader(src), nil
	}
	if q.decoder == nil {
		var err error
		q.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
	}
	return q.decoder, q.decoder.Reset(src)
}
