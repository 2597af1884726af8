package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
)

// A string reaches the terminal only as text, and its value stays the same.
func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		"disk":                      `"disk"`,
		"größe <&> 日本 🙂":            `"größe <&> 日本 🙂"`,
		"\x1b]0;title\x07\x7f":      `"\u001b]0;title\u0007\u007f"`,
		"\u009b31m":                 `"\u009b31m"`, // CSI in one character
		"a\u202eb\u200b\U000e0001c": `"a\u202eb\u200b\udb40\udc01c"`,
	} {
		got := JSON(in)
		if string(got) != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != in {
			t.Errorf("%q is read as %q (%v)", in, back, err)
		}
	}
}

// own says itself what it is.
type own struct{ text string }

func (o own) MarshalJSON() ([]byte, error) { return []byte(o.text), nil }

// TestJSONAgrees compares with package json.
func TestJSONAgrees(t *testing.T) {
	type part struct {
		N     int32   `json:"n"`
		Ratio float64 `json:"ratio"`
	}
	type all struct {
		Name   string            `json:"name"`
		ID     string            `json:"id,omitempty"`
		Size   int64             `json:"bytes,omitempty"`
		Count  uint64            `json:"count"`
		Yes    bool              `json:"yes"`
		Parts  []part            `json:"parts"`
		Whole  part              `json:"whole"`
		At     *part             `json:"at"`
		May    *int64            `json:"may,omitempty"`
		Texts  map[string]string `json:"texts,omitempty"`
		Params map[string]any    `json:"params"`
		Any    []any             `json:"any"`
		Own    own               `json:"own"`
		Hidden int               `json:"-"`
		inside []string
	}
	zero := int64(0)
	for _, v := range []any{
		nil, 1, "x", []string{}, []string(nil), map[string]int{},
		&all{Own: own{"1"}},
		all{
			"a\"b\\c\b\f\n\r\t\x01/<>&\xff\ufffd\u2028", "id", -5, math.MaxUint64, true, []part{{1, 0.5}, {-1, 1e20}}, part{0, 1e-6}, &part{}, &zero,
			map[string]string{"b": "", "a": "x", "\n": "\""}, map[string]any{"n": 5, "s": "", "l": []any{nil, true, 1.25}}, []any{}, own{`{"x":[1]}`}, 3, []string{"y"},
		},
	} {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		if got := string(JSON(v)) + "\n"; got != want.String() {
			t.Errorf("got %s\nwant %s", got, &want)
		}
	}
	if got := string(JSON(own{"\"\u009b\""})); got != `"\u009b"` {
		t.Errorf("a control character of a MarshalJSON became %s", got)
	}
}
