package codec

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// DictID returns the id of a dictionary in the zstd format (RFC 8878, section
// 5), which is never 0. A malformed dictionary is an error, as is one larger
// than [MaxDictSize].
func DictID(dict []byte) (uint32, error) {
	if len(dict) > MaxDictSize {
		return 0, fmt.Errorf("dictionary of %d bytes: the limit is %d", len(dict), MaxDictSize)
	}
	d, err := zstd.InspectDictionary(dict)
	if err != nil {
		return 0, fmt.Errorf("malformed dictionary: %w", err)
	}
	return d.ID(), nil
}
