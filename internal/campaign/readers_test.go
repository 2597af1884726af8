package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/cryptotest"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/inspect"
	"hexz/pkg/ordered"
	"hexz/pkg/restore"
	"hexz/pkg/stage"
	pkgstream "hexz/pkg/stream"
)

// TestReaders runs all readers on HEXZ_READERS_TRIALS archives of the seed HEXZ_CAMPAIGN_SEED, or
// on the archive with the number HEXZ_READERS_TRIAL. Two of three archives contain lies, with
// digests that are right. The third is an archive of the campaign with bytes changed at random. The
// readers must agree on one verdict for each archive.
func TestReaders(t *testing.T) {
	seed := setting(t, "HEXZ_CAMPAIGN_SEED", 1)
	trials := setting(t, "HEXZ_READERS_TRIALS", 600)
	alone := setting(t, "HEXZ_READERS_TRIAL", -1)
	cryptotest.SetGlobalRandom(t, uint64(seed))
	all := samples(t, uint64(seed))
	counts := map[string]int{}
	for v, err := range ordered.Map(t.Context(), runtime.GOMAXPROCS(0), ordered.From(numbers(trials, alone)), func(n int) (opinion, error) {
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
		s := &sample{archive: lying(rng)}
		kind := "lying"
		if n%3 == 0 {
			s = all[rng.IntN(len(all))]
			damaged := *s
			damaged.archive = faults[rng.IntN(len(faults))].do(rng, s.archive)
			s, kind = &damaged, "damaged"
		}
		v, err := s.opinion(t.Context())
		v.kind, v.trial = kind, n
		if err != nil {
			v.err = err
		}
		return v, nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		counts[v.kind+", "+v.verdict]++
		if v.err != nil {
			t.Errorf("trial %d of seed %d, %s: %v\nalone: HEXZ_CAMPAIGN_SEED=%d HEXZ_READERS_TRIALS=%d HEXZ_READERS_TRIAL=%d go test ./internal/campaign -run TestReaders",
				v.trial, seed, v.kind, v.err, seed, trials, v.trial)
		}
	}
	if counts["lying, sound"] == 0 && alone < 0 || counts["lying, corrupt"] == 0 && alone < 0 {
		t.Errorf("the archives are all sound, or all damaged: %v", counts)
	}
	if testing.Verbose() {
		fmt.Printf("seed %d, %s: %v\n", seed, runtime.Version(), counts)
	}
}

// opinion is the outcome for an archive.
type opinion struct {
	trial         int
	kind, verdict string
	err           error // set if the readers do not agree
}

// verdictOf returns the meaning of a reader's error: sound, corrupt, codec (one is needed), or the
// error itself.
func verdictOf(err error) string {
	switch {
	case err == nil:
		return "sound"
	case errors.As(err, new(*codec.UnknownError)):
		return "codec"
	case errors.Is(err, pkgstream.ErrAborted), expected(err):
		return "corrupt"
	}
	return err.Error()
}

// opinion returns the verdict of all readers.
func (s *sample) opinion(ctx context.Context) (v opinion, err error) {
	fault := s.verify(ctx, s.archive, archive.Content)
	v.verdict = verdictOf(fault)
	wrong := func(reader string, err error) error {
		return fmt.Errorf("verify: %s (%v), but %s: %s (%v)", v.verdict, fault, reader, verdictOf(err), err)
	}
	piped, pipeErr := s.catAll(ctx)
	if got := verdictOf(pipeErr); got != v.verdict {
		return v, wrong("cat from a pipe", pipeErr)
	}
	_, unsealErr := stage.Unseal(ctx, io.Discard, bytes.NewReader(s.archive), stage.UnsealOptions{Identities: s.ids, SignedBy: s.signedBy})
	if unsealErr != nil && fault == nil {
		return v, wrong("unseal from a pipe", unsealErr)
	}
	pipeReport, err := inspect.Stream(bytes.NewReader(s.archive), inspect.Options{Identities: s.ids})
	if (err == nil) != (unsealErr == nil) && len(s.signedBy) == 0 {
		return v, wrong("inspect from a pipe", fmt.Errorf("%w; unseal: %w", err, unsealErr))
	}
	r, err := s.open(s.archive, [][]byte{s.parent})
	if err != nil {
		if fault == nil {
			return v, wrong("open", err)
		}
		return v, nil
	}
	report, err := inspect.Archive(r, inspect.Options{})
	if err != nil && fault == nil {
		return v, wrong("inspect", err)
	}
	if fault == nil {
		a, _ := json.Marshal(report)
		b, _ := json.Marshal(pipeReport)
		if !bytes.Equal(a, b) {
			return v, fmt.Errorf("inspect: %s\nfrom a pipe: %s", a, b)
		}
	}
	for no, is := range r.Info().Streams {
		var got bytes.Buffer
		out := restore.NewPlainOutput(&got)
		err := r.Restore(ctx, no, out, archive.RestoreOptions{})
		if err == nil {
			err = out.Flush()
		}
		switch {
		case err != nil && fault == nil:
			return v, wrong("cat", err)
		case err != nil && verdictOf(err) != "corrupt" && verdictOf(err) != "codec":
			return v, err
		case err == nil && pipeErr == nil && !bytes.Equal(got.Bytes(), piped[is.Name]):
			return v, fmt.Errorf("stream %q: %d bytes, from a pipe %d others", is.Name, got.Len(), len(piped[is.Name]))
		}
	}
	return v, nil
}

// catAll restores all streams as from a pipe, up to the one where a reader of frames alone fails.
func (s *sample) catAll(ctx context.Context) (map[string][]byte, error) {
	content := map[string][]byte{}
	in := archive.NewScanner(bytes.NewReader(s.archive), s.ids)
	in.Demand(s.signedBy)
	var scanErr error
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			scanErr = err
			break
		}
		if f, ok := f.(*pkgstream.Open); ok {
			content[f.Name] = nil
		}
	}
	for name := range content {
		var got bytes.Buffer
		out := restore.NewPlainOutput(&got)
		err := restore.Stream(ctx, out, bytes.NewReader(s.archive), restore.Options{
			Stream: name, Identities: s.ids, SignedBy: s.signedBy, Find: find(s.parent),
		})
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return nil, err
		}
		content[name] = got.Bytes()
	}
	return content, scanErr
}
