package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON returns v as one line of JSON, without the newline. It has what reports are made of: structs
// with a tag on each field, lists, maps with texts as keys, texts, numbers, booleans and pointers to
// these. Whatever has a method MarshalJSON, as package json calls it, says itself what it is. (That
// package is a tenth of a binary which does no more than to write statistics.)
//
// Text of strangers does no harm on a terminal: all control characters and invisible ones are
// escaped.
func JSON(v any) []byte { return appendJSON(nil, reflect.ValueOf(v)) }

func appendJSON(b []byte, v reflect.Value) []byte {
	kind := v.Kind()
	switch kind {
	case reflect.Invalid:
		return append(b, "null"...)
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return append(b, "null"...)
		}
	}
	if own, ok := v.Interface().(interface{ MarshalJSON() ([]byte, error) }); ok {
		text, err := own.MarshalJSON()
		if err != nil {
			text = []byte("null")
		}
		for _, r := range string(text) {
			b = appendVisible(b, r)
		}
		return b
	}
	switch {
	case kind == reflect.Pointer, kind == reflect.Interface:
		return appendJSON(b, v.Elem())
	case kind == reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10)
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10)
	case v.CanFloat():
		return strconv.AppendFloat(b, v.Float(), 'f', -1, 64)
	case kind == reflect.String:
		return appendText(b, v.String())
	case kind == reflect.Struct:
		return appendMembers(b, v)
	case kind == reflect.Slice:
		b = append(b, '[')
		for i := range v.Len() {
			b = appendJSON(comma(b), v.Index(i))
		}
		return append(b, ']')
	case kind == reflect.Map:
		var names []string
		for _, key := range v.MapKeys() {
			names = append(names, key.String())
		}
		slices.Sort(names)
		b = append(b, '{')
		for _, name := range names {
			b = append(appendText(comma(b), name), ':')
			b = appendJSON(b, v.MapIndex(reflect.ValueOf(name)))
		}
		return append(b, '}')
	}
	panic(fmt.Sprintf("cli: JSON of a %s", v.Type()))
}

// appendMembers appends the exported fields of a struct, as package json would by their tags.
func appendMembers(b []byte, v reflect.Value) []byte {
	b = append(b, '{')
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || option == "omitempty" && v.Field(i).IsZero() {
			continue
		}
		b = append(appendText(comma(b), name), ':')
		b = appendJSON(b, v.Field(i))
	}
	return append(b, '}')
}

// comma appends a comma unless a list or an object has just begun.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last == '[' || last == '{' {
		return b
	}
	return append(b, ',')
}

func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i, r := range s {
		switch n := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)): // no UTF-8
			b = append(b, `\ufffd`...)
		case n >= 0:
			b = append(b, '\\', `"\bfnrt`[n])
		default:
			b = appendVisible(b, r)
		}
	}
	return append(b, '"')
}

// appendVisible appends r, or the escape of what must not be printed.
func appendVisible(b []byte, r rune) []byte {
	if unicode.IsGraphic(r) {
		return utf8.AppendRune(b, r)
	}
	if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
		return fmt.Appendf(b, `\u%04x\u%04x`, r1, r2)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

// writeJSON writes v to o as one line of JSON, and commits it.
func writeJSON(o *Output, v any) error { return writeLine(o, JSON(v)) }

// writeLine writes p and a line end to o, and commits it.
func writeLine(o *Output, p []byte) error {
	if _, err := o.Write(append(p, '\n')); err != nil {
		return err
	}
	return o.Commit()
}
