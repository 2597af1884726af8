package cli

import (
	"encoding/json"
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
		got, err := JSON(in)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %s (%v), want %s", in, got, err, want)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != in {
			t.Errorf("%q is read as %q (%v)", in, back, err)
		}
	}
}
