package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"hexz/pkg/keys"
)

// Many goroutines use one Reader of a thin and encrypted archive, whose cache is too small for
// them. Some read at random, some restore and stop in the middle, some verify, some open the
// archive anew. Run this test with -race, and with -cpu 1,8.
func TestSharedReader(t *testing.T) {
	id := identity(t)
	o := WriterOptions{Recipients: keys.Wrapper(id.Recipient())}
	base := largeWith(t, 25, o).Buf.Bytes()
	b := thin(t, open(t, base, id), o)
	p, want := b.Buf.Bytes(), b.content["next"]
	opened := func() *Reader {
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), Options{
			CacheBytes: 4 << 10, Threads: 2, Identities: keys.Opener(id), Find: finder(base),
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	shared := opened()
	readAt := func(r *Reader, rng *rand.Rand) {
		off := rng.IntN(len(want))
		got := make([]byte, 1+rng.IntN(min(3000, len(want)-off)))
		if _, err := r.ReadAt(0, got, int64(off)); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("ReadAt: %v", err)
		} else if !bytes.Equal(got, want[off:off+len(got)]) {
			t.Errorf("ReadAt gives other bytes at offset %d", off)
		}
	}
	restore := func(r *Reader, rng *rand.Rand) {
		off := rng.IntN(len(want))
		length := int64(1 + rng.IntN(len(want)-off))
		var out collect
		if err := r.Restore(t.Context(), 0, &out, RestoreOptions{Offset: int64(off), Length: &length, Threads: 1 + rng.IntN(3)}); err != nil {
			t.Errorf("Restore: %v", err)
		} else if !bytes.Equal(out.Bytes(), want[off:off+int(length)]) {
			t.Errorf("Restore gives other bytes from offset %d", off)
		}
	}
	stop := func(r *Reader, rng *rand.Rand) {
		ctx, cancel := context.WithCancel(t.Context())
		left := rng.IntN(20)
		err := r.Restore(ctx, 0, &collect{}, RestoreOptions{Threads: 2, Progress: func(int64) {
			if left--; left == 0 {
				cancel()
			}
		}})
		if cancel(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Restore that is stopped: %v", err)
		}
	}
	verify := func(r *Reader, rng *rand.Rand) {
		if err := r.Verify(t.Context(), VerifyOptions{Level: Level(rng.IntN(3)), Threads: 2}); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
	var all sync.WaitGroup
	for seed := range uint64(12) {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 3))
			for range 8 {
				for range 10 {
					readAt(shared, rng)
				}
				switch seed % 4 {
				case 0:
					restore(shared, rng)
				case 1:
					stop(shared, rng)
				case 2:
					verify(shared, rng)
				default:
					readAt(opened(), rng)
				}
			}
		})
	}
	all.Wait()
}
