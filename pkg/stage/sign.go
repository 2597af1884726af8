package stage

import (
	"context"
	"fmt"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/seal"
)

// SignOptions are the options of Sign.
type SignOptions struct {
	Keys     []seal.SecretKey
	Threads  int // 0 is 1
	Progress flow.Progress
	// Damage is called for each damaged part. If it is nil, the first one ends the search.
	Damage func(error)
}

// Signed lists the keys that have signed an archive, each once, in the order they were given.
type Signed struct {
	New, Before []seal.PublicKey // signed now, and before
}

// Sign checks the stored bytes of the archive in f, of size bytes. Then it appends signatures by
// those keys that have not signed yet. It needs no identity for an encrypted archive. If it fails,
// the archive is unchanged.
func Sign(ctx context.Context, f index.File, size int64, o SignOptions) (*Signed, error) {
	r, err := archive.NewReader(f, size, archive.Options{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	var s Signed
	var keys []seal.SecretKey
	for _, k := range o.Keys {
		pub := k.Public()
		switch {
		case slices.ContainsFunc(slices.Concat(s.New, s.Before), pub.Equal):
		case r.SignedBy(pub):
			s.Before = append(s.Before, pub)
		default:
			s.New = append(s.New, pub)
			keys = append(keys, k)
		}
	}
	if err := r.Verify(ctx, archive.VerifyOptions{Level: archive.Stored, Threads: o.Threads, Progress: o.Progress, Damage: o.Damage}); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if _, err := r.Sign(f, keys...); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return &s, nil
}
