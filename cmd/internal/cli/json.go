package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON returns v as one line of JSON, without the newline. Text of strangers does no harm on a
// terminal: encoding/json escapes the control characters of ASCII, and JSON also escapes the other
// control characters and all invisible ones.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	p := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if !bytes.ContainsFunc(p, hidden) {
		return p, nil
	}
	var out []byte
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if !hidden(r) {
			out = append(out, p[:n]...)
		} else if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
			out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		p = p[n:]
	}
	return out, nil
}

// hidden reports whether r must not be printed. It is for DEL and the characters beyond ASCII.
func hidden(r rune) bool { return r >= 0x7f && !unicode.IsGraphic(r) }

// writeJSON writes v to o as one line of JSON, and commits it.
func writeJSON(o *Output, v any) error {
	p, err := JSON(v)
	if err != nil {
		return err
	}
	return writeLine(o, p)
}

// writeLine writes p and a line end to o, and commits it.
func writeLine(o *Output, p []byte) error {
	if _, err := o.Write(append(p, '\n')); err != nil {
		return err
	}
	return o.Commit()
}
