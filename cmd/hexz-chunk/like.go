package main

import (
	"errors"
	"fmt"
	"reflect"

	"hexz/cmd/internal/cli"
	"hexz/pkg/chunker"
	"hexz/pkg/index"
	"hexz/pkg/parents"
	"hexz/pkg/stage"
)

// likeRules: --like already says how to cut, and keys are only there to open its archive.
var likeRules = []cli.Rule{
	{Flags: []string{"like"}, Without: []string{"chunker", "size", "min", "avg", "max"}},
	{Flags: cli.KeyNames, With: []string{"like"}},
}

// cutLike sets the options of the chunker to those of the archive that --like names.
func (o *flags) cutLike(env *cli.Env, sources []stage.Source) error {
	if o.like == "" {
		return nil
	}
	ids, err := o.ids.Load(env, false)
	if err != nil {
		return err
	}
	p, err := parents.Open(env.Open, o.like, ids)
	if err != nil {
		return o.ids.Explain(err)
	}
	defer p.Close()
	streams := p.Index.Info().Streams
	if len(streams) == 0 {
		return fmt.Errorf("%s has no stream to cut like", o.like)
	}
	namesakes := map[string]*index.Stream{}
	for i := range streams {
		namesakes[streams[i].Name] = &streams[i]
	}
	var params map[string]any
	for i := range sources {
		s := namesakes[sources[i].Name]
		if s == nil {
			s = &streams[0]
		}
		if i > 0 && !reflect.DeepEqual(params, s.Chunker) {
			return cli.WithHint(fmt.Errorf("the streams of %s were cut in different ways", o.like), "pack one stream at a time")
		}
		params = s.Chunker
	}
	o.Chunker, err = chunker.OptionsOf(params, o.Chunker.Key)
	if errors.Is(err, chunker.ErrKey) {
		return cli.WithHint(cli.Usagef("%s: %w", o.like, err), "--chunk-key-file FILE names the key, and has to be left out if there was none")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.like, err)
	}
	return nil
}
