package stage_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"hexz/internal/stagetest"
	"hexz/pkg/chunker"
	"hexz/pkg/stage"
)

// The same stream for any number of threads, however short the reads.
func TestChunkThreads(t *testing.T) {
	in := stagetest.Content(3<<20 + 777)
	for name, o := range map[string]chunker.Options{
		"default": {},
		"small":   {Min: 64, Avg: 256, Max: 1024},
		"keyed":   {Key: chunker.NewKey()},
		"fixed":   {Name: chunker.FixedV1},
	} {
		want := stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{Chunker: o, Threads: 1}))
		for _, threads := range []int{2, 3, 4, 8} {
			if !bytes.Equal(stagetest.Pipe(t, in, stagetest.Cutting(stage.ChunkOptions{Chunker: o, Threads: threads})), want) {
				t.Errorf("%s: %d threads gave another stream", name, threads)
			}
		}
	}
}

// Neither a stream nor an archive has the key, in any guise.
func TestKeyStaysSecret(t *testing.T) {
	key := chunker.NewKey()
	out := stagetest.Pipe(t, stagetest.Content(1<<20), stagetest.Cutting(stage.ChunkOptions{Chunker: chunker.Options{Key: key}, Threads: 3}))
	out = append(out, stagetest.Pipe(t, out, stagetest.Dropping(), stagetest.Encoding(stage.CompressOptions{}), stagetest.Sealing())...)
	for _, part := range [][]byte{key[:12], key[20:]} {
		for name, guise := range map[string]string{
			"raw":    string(part),
			"hex":    hex.EncodeToString(part),
			"base64": base64.RawStdEncoding.EncodeToString(part)[:14],
		} {
			if bytes.Contains(out, []byte(guise)) || bytes.Contains(bytes.ToLower(out), []byte(guise)) {
				t.Errorf("the output has the key: %s", name)
			}
		}
	}
	if base := base64.StdEncoding.EncodeToString(key); bytes.Contains(out, []byte(base[27:41])) {
		t.Error("the output has the end of the key in base64")
	}
	id := chunker.Options{Key: key}.Params()["key-id"].([]byte)
	if !bytes.Contains(out, append([]byte("key-id\xc4\x08"), id...)) {
		t.Error("the output has not the identifier of the key")
	}
}
