package wire

import "github.com/vmihailenco/msgpack/v5/msgpcode"

func isInt(c byte) bool {
	return msgpcode.IsFixedNum(c) || c >= msgpcode.Uint8 && c <= msgpcode.Int64
}

func isMap(c byte) bool {
	return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32
}

func isArray(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}

func isString(c byte) bool { return msgpcode.IsString(c) }

func isBin(c byte) bool { return msgpcode.IsBin(c) }

// integer consumes an integer whose first byte is c. A value that does not fit an int64 becomes
// negative.
func (r *Reader) integer(c byte) int64 {
	switch {
	case msgpcode.IsFixedNum(c):
		r.number(0)
		return int64(int8(c))
	case c <= msgpcode.Uint64:
		return int64(r.number(1 << (c - msgpcode.Uint8)))
	}
	size := 1 << (c - msgpcode.Int8)
	unused := 64 - 8*size
	return int64(r.number(size)) << unused >> unused // with its sign
}

// length consumes the head of an array, a map, a string or a byte string, and returns its length. c
// is the first byte of the head.
func (r *Reader) length(c byte) int {
	switch {
	case msgpcode.IsFixedArray(c), msgpcode.IsFixedMap(c):
		r.number(0)
		return int(c & msgpcode.FixedArrayMask)
	case msgpcode.IsFixedString(c):
		r.number(0)
		return int(c & msgpcode.FixedStrMask)
	}
	switch c {
	case msgpcode.Str8, msgpcode.Bin8:
		return int(r.number(1))
	case msgpcode.Str16, msgpcode.Bin16, msgpcode.Array16, msgpcode.Map16:
		return int(r.number(2))
	}
	return int(r.number(4))
}
