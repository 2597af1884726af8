package codec

// What follows is for codecs that this package does not have: experiments, which a caller brings along
// as functions.

// DecodeFunc decodes a payload of a codec to rawLen bytes. It makes no more than these, and uses no memory
// of src for them. It is called concurrently. An error that is no ErrCorrupt says nothing of src.
type DecodeFunc func(src []byte, rawLen int) ([]byte, error)

// EncodeFunc encodes a payload of 1 to MaxSize bytes, to at least one. What is not shorter than src is not
// used, so that it need not be complete. It is called concurrently.
type EncodeFunc func(src []byte) ([]byte, error)

// Decoders are the functions for other codecs, by the names of these.
type Decoders map[string]DecodeFunc

// Known reports whether this package has a codec of that name.
func Known(name string) bool {
	switch name {
	case None, Zstd, LZ4, S2:
		return true
	}
	return false
}

// UnknownError is the error for a payload of a codec that is neither of this package nor among the
// Others of a Decoder. It is no ErrCorrupt: the payload may be sound.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return "needs codec " + e.Name }
