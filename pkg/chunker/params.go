package chunker

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrKey means that a stream was cut with a key that is missing, or without a key.
var ErrKey = errors.New("chunk key")

// OptionsOf returns the options that give a stream those parameters, in the form they have in a
// stream: numbers are int64. key is the key of the options. An ErrKey says what is wrong with key;
// any other error, that this version would cut in another way.
func OptionsOf(params map[string]any, key []byte) (Options, error) {
	o := Options{Key: key}
	o.Name, _ = params["name"].(string)
	if o.Name != FastCDCv1 && o.Name != FixedV1 {
		return o, fmt.Errorf("it was cut by the chunker %q, which this version does not have", o.Name)
	}
	for name, p := range map[string]*int{"size": &o.Size, "min": &o.Min, "avg": &o.Avg, "max": &o.Max} {
		n, _ := params[name].(int64)
		*p = int(min(n, MaxSize+1))
	}
	switch keyed := Keyed(params); {
	case keyed && key == nil:
		return o, fmt.Errorf("%w: it was cut with one, which is needed", ErrKey)
	case !keyed && key != nil:
		return o, fmt.Errorf("%w: it was cut without one", ErrKey)
	}
	have := o.Params()
	if want, ok := params["key-id"].([]byte); ok && key != nil && !reflect.DeepEqual(have["key-id"], want) {
		return o, fmt.Errorf("%w: it was cut with %x, and this is %x", ErrKey, want, have["key-id"])
	}
	for name, v := range have {
		if n, ok := v.(int); ok {
			have[name] = int64(n)
		}
	}
	if _, err := New(o); err != nil || !reflect.DeepEqual(have, params) {
		return o, fmt.Errorf("it was cut by %s with parameters that this version does not have", o.Name)
	}
	return o, nil
}
