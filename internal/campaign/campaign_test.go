package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/cryptotest"

	"hexz/pkg/ordered"
)

// setting returns a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return int(n)
}

// TestCampaign runs HEXZ_CAMPAIGN_TRIALS trials of the seed HEXZ_CAMPAIGN_SEED, or the one with the
// number HEXZ_CAMPAIGN_TRIAL. Seed and number determine everything in a trial. With -v the test
// prints the results, in Markdown.
func TestCampaign(t *testing.T) {
	seed := setting(t, "HEXZ_CAMPAIGN_SEED", 1)
	trials := setting(t, "HEXZ_CAMPAIGN_TRIALS", 400)
	alone := setting(t, "HEXZ_CAMPAIGN_TRIAL", -1)
	cryptotest.SetGlobalRandom(t, uint64(seed)) // keys, too, depend on the seed
	all := samples(t, uint64(seed))
	for _, s := range all {
		if err := errors.Join(s.sound(t.Context()), s.note()); err != nil {
			t.Fatalf("%s, undamaged: %v", s.kind, err)
		}
	}
	var sum summary
	for o, err := range ordered.Map(t.Context(), runtime.GOMAXPROCS(0), ordered.From(numbers(trials, alone)), func(n int) (*outcome, error) {
		return try(t.Context(), all, seed, n), nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		sum.add(o)
		if o.err != nil {
			t.Errorf("trial %d of seed %d, %s, %s: %v\nalone: HEXZ_CAMPAIGN_SEED=%d HEXZ_CAMPAIGN_TRIAL=%d go test ./internal/campaign",
				o.trial, seed, o.kind, o.fault, o.err, seed, o.trial)
		}
	}
	if testing.Verbose() {
		fmt.Printf("seed %d, %s\n\n%s", seed, runtime.Version(), sum.markdown())
	}
}

// numbers yields the numbers of all trials, or alone unless it is negative.
func numbers(trials, alone int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if alone >= 0 {
			yield(alone)
			return
		}
		for n := range trials {
			if !yield(n) {
				return
			}
		}
	}
}

// outcome is the result of a trial.
type outcome struct {
	trial       int
	kind, fault string
	verdict     verdict
	err         error

	salvaged
	content int64 // bytes to salvage
}

// try damages one of the archives in one of the ways. Successive trials take every pair in turn.
func try(ctx context.Context, all []*sample, seed, trial int) *outcome {
	s := all[trial%len(all)]
	f := faults[trial/len(all)%len(faults)]
	rng := rand.New(rand.NewPCG(uint64(seed), uint64(trial)))
	o := &outcome{trial: trial, kind: s.kind, fault: f.name}
	damaged := f.do(rng, s.archive)
	if bytes.Equal(damaged, s.archive) {
		return o
	}
	if o.verdict, o.err = s.check(ctx, rng, damaged); o.err != nil {
		return o
	}
	if o.salvaged, o.err = s.salvage(ctx, damaged); o.err == nil && o.short > 0 && (!f.moves || o.indexed) {
		o.err = fmt.Errorf("%d bytes are lost that were not hit", o.short)
	}
	if o.err != nil {
		o.err = fmt.Errorf("salvage: %w", o.err)
	}
	for _, own := range s.own {
		o.content += int64(len(own.data))
	}
	return o
}

// wrong reports whether wrong bytes came out.
func (o *outcome) wrong() bool { return errors.Is(o.err, errWrong) }
