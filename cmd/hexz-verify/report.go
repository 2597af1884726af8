package main

import (
	"errors"

	"hexz/cmd/internal/cli"
	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// The verdicts of --json.
const (
	sound   = "sound"   // everything asked for was checked
	damaged = "damaged" // or no archive
	failed  = "failed"  // the archive could not be checked, or a signature is missing
)

// report is what --json prints.
type report struct {
	Version  int       `json:"version"` // of this object: 1
	Verdict  string    `json:"verdict"` // the worst of all archives
	Level    string    `json:"level"`
	Archives []*result `json:"archives"`
}

// result is the outcome for one archive. Fields that are known only once it is open can be missing.
type result struct {
	Path       string   `json:"path"`
	Verdict    string   `json:"verdict"`
	ID         string   `json:"id,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"`
	Encrypted  bool     `json:"encrypted"`
	Signatures []string `json:"signatures"` // key ids, not verified
	Demanded   []string `json:"signed_by"`  // key ids of --signed-by that have signed
	Faults     []fault  `json:"faults"`
	Missing    []parent `json:"missing_parents"`
}

// fault is one fault. Position and length are those of the damaged bytes in the archive, if known.
type fault struct {
	Message  string `json:"message"`
	Damage   bool   `json:"damage"`
	Position *int64 `json:"position,omitempty"`
	Length   *int64 `json:"length,omitempty"`
}

type parent struct {
	ID   string `json:"id"`
	Hint string `json:"hint"`
}

func (rep *report) begin(path string) *result {
	r := &result{Path: path, Signatures: []string{}, Demanded: []string{}, Faults: []fault{}, Missing: []parent{}}
	rep.Archives = append(rep.Archives, r)
	return r
}

// open records the properties of an archive.
func (r *result) open(a *archive.Reader) {
	r.ID, r.Bytes, r.Encrypted = a.ID().String(), a.Size(), a.Encrypted()
	for _, s := range a.Signatures() {
		r.Signatures = append(r.Signatures, s.KeyID())
	}
}

func (r *result) fault(err error) {
	f := fault{Message: cli.Unnamed(err), Damage: errors.Is(err, stream.ErrCorrupt)}
	if at, ok := errors.AsType[*index.DamageError](err); ok {
		f.Position, f.Length = &at.Pos, &at.Len
	}
	r.Faults = append(r.Faults, f)
	if missing, ok := errors.AsType[*archive.MissingError](err); ok {
		for _, p := range missing.Parents {
			r.Missing = append(r.Missing, parent{p.ID.String(), p.Hint})
		}
	}
}

// end sets the verdict on an archive from the error that the check returned.
func (rep *report) end(r *result, err error) {
	switch {
	case err == nil:
		r.Verdict = sound
	case errors.Is(err, stream.ErrCorrupt):
		r.Verdict, rep.Verdict = damaged, damaged
	default:
		if r.Verdict = failed; rep.Verdict != damaged {
			rep.Verdict = failed
		}
	}
}

func (rep *report) print(env *cli.Env) error {
	_, err := env.Stdout.Write(append(cli.JSON(rep), '\n'))
	return err
}
