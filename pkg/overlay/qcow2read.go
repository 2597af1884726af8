package overlay

import (
	"bytes"
	"fmt"
	"io"

	"compress/flate"

	"github.com/klauspost/compress/zstd"
)

// decoder decodes compressed clusters, and keeps the last one. All files of a chain share a
// decoder.
type decoder struct {
	file   *qcow2 // the file of the last cluster
	entry  uint64 // its L2 entry, or 0
	plain  []byte // its content
	packed []byte
	flate  io.ReadCloser
	zstd   *zstd.Decoder
}

func (q *qcow2) readAt(c *walkState, p []byte, off int64) error {
	for len(p) > 0 {
		within := off & (1<<q.bits - 1)
		part := p[:min(int64(len(p)), 1<<q.bits-within)]
		if err := q.readCluster(c, part, off, within); err != nil {
			return fmt.Errorf("qcow2 cluster at offset %d: %w", off-within, err)
		}
		p = p[len(part):]
		off += int64(len(part))
	}
	return nil
}

// readCluster fills p from one cluster.
func (q *qcow2) readCluster(c *walkState, p []byte, off, within int64) error {
	e, _, _, err := q.l2Entry(c, off)
	if err != nil {
		return err
	}
	if e&compressed != 0 {
		plain, err := q.decoder.decodeCluster(q, e)
		if err == nil {
			copy(p, plain[within:])
		}
		return err
	}
	at := int64(e & tableOffset)
	if at&(1<<q.bits-1) != 0 || at > q.fileSize-within-int64(len(p)) {
		return invalidf("its data at byte %d is not within the file", at)
	}
	return readFull(q.r, p, at+within)
}

// decodeCluster returns the content of the compressed cluster of q with the entry e. It is valid
// until the next call.
func (d *decoder) decodeCluster(q *qcow2, e uint64) ([]byte, error) {
	if d.file == q && d.entry == e {
		return d.plain, nil
	}
	shift := 62 - (q.bits - 8)
	at := int64(e & (1<<shift - 1))
	n := int64(e>>shift&(1<<(q.bits-8)-1)+1)*512 - at&511
	n = min(n, q.fileSize-at) // n counts whole sectors
	if n <= 0 {
		return nil, invalidf("its data at byte %d is not within the file", at)
	}
	if len(d.plain) != 1<<q.bits {
		d.plain, d.packed = make([]byte, 1<<q.bits), make([]byte, 2<<q.bits)
	}
	d.file = nil
	if err := readFull(q.r, d.packed[:n], at); err != nil {
		return nil, err
	}
	src, err := d.resetReader(q.zstd, bytes.NewReader(d.packed[:n]))
	if err == nil {
		_, err = io.ReadFull(src, d.plain) // the bytes that follow belong to another cluster
	}
	if err != nil {
		return nil, invalidf("its data at byte %d does not decode: %v", at, err)
	}
	d.file, d.entry = q, e
	return d.plain, nil
}

func (d *decoder) resetReader(isZstd bool, src io.Reader) (io.Reader, error) {
	if !isZstd {
		if d.flate == nil {
			d.flate = flate.NewReader(src)
			return d.flate, nil
		}
		return d.flate, d.flate.(flate.Resetter).Reset(src, nil)
	}
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
	}
	return d.zstd, d.zstd.Reset(src)
}
