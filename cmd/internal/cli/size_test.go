package cli

import (
	"math"
	"testing"
)

func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"0": 0, "4096": 4096, "010": 10, "16B": 16,
		"16K": 16 << 10, "16k": 16 << 10, "16KiB": 16 << 10, "16kiB": 16 << 10,
		"16kB": 16000, "16KB": 16000, "16MB": 16e6, "3mB": 3e6,
		"1M": 1 << 20, "2MiB": 2 << 20, "3G": 3 << 30, "4TiB": 4 << 40, "4TB": 4e12,
		"9223372036854775807": math.MaxInt64, "8388607T": 8388607 << 40,
		"0x1000": 4096, "0X1b": 27, "0x0": 0, "0x7fffffffffffffff": math.MaxInt64,
		"1.5G": 3 << 29, "1.5KiB": 1536, "1.5kB": 1500, "0.001MB": 1000, "2.0": 2, "0.5K": 512, "0.50K": 512,
		"0.0000000000009094947017729282379150390625T": 1, "8388607.9999999999990905052982270717620849609375T": math.MaxInt64,
	}
	for s, want := range good {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "-1", "+1", "K", "1.5", "0.3K", "1.5B", ".5K", "1.K", "1.2.3K", "1 K", " 1", "1 ", "16Q", "16KiBs", "16kb", "16kib", "16iB", "16b",
		"9223372036854775808", "8388608T", "8388608.5T", "99999999999999999999", "1.00000000000090949470177292823791503906250T1", "0.00000000000090949470177292823791503906T", "1e3", "0x", "0xg", "0x10K", "0x1_0", "0x-1", "0x8000000000000000", "1_000",
		"0.00000000000000000000000000000000000000000000000000000000000000000K", "16\xc2\xb5", "٣",
	} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", s, got)
		}
	}
}

func TestSizeVar(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1", 4096: "4KiB", 256 << 10: "256KiB", 16000: "16000",
		1 << 20: "1MiB", 1025 << 10: "1025KiB", 1 << 40: "1TiB", 1 << 52: "4096TiB", math.MaxInt64: "9223372036854775807",
	} {
		var p int64
		v := SizeVar(&p, n)
		if p != n || v.String() != want {
			t.Errorf("%d: set %d, String %q, want %q", n, p, v.String(), want)
		}
		if back, err := ParseSize(v.String()); err != nil || back != n {
			t.Errorf("%d: %q does not parse back: %d, %v", n, v.String(), back, err)
		}
	}
	var small uint32
	v := SizeVar(&small, 1)
	if v.Set("4GiB") == nil || v.Set("x") == nil || small != 1 {
		t.Errorf("a uint32 took 4 GiB: %d", small)
	}
	if err := v.Set("4095MiB"); err != nil || small != 4095<<20 {
		t.Errorf("%d, %v", small, err)
	}
	var signed int32
	if SizeVar(&signed, 1).Set("3GiB") == nil {
		t.Error("an int32 took 3 GiB")
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 512: "512 B", 999: "999 B", 1000: "0.98 KiB", 1024: "1.00 KiB", 16 << 10: "16.0 KiB",
		256 << 10: "256 KiB", 1023 << 10: "1.00 MiB", 1363654148: "1.27 GiB", -2048: "-2.00 KiB",
		math.MaxInt64: "8.00 EiB", 10234: "9.99 KiB", 10238: "10.0 KiB",
	} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}
