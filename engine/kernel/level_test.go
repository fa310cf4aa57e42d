package kernel

import "testing"

func TestFromEnvironment(t *testing.T) {
	for value, want := range map[string]Level{"": detected, "none": None, "avx2": AVX2, "avx512": AVX512, "neon": detected} {
		if got := fromEnvironment(value); got != want {
			t.Errorf("ALIKE_SIMD=%q asks for %v, want %v", value, got, want)
		}
	}
}

func TestSetLevelStaysWithinTheMachine(t *testing.T) {
	defer SetLevel(ActiveLevel())
	for _, l := range []Level{None, AVX2, AVX512, AVX512 + 7} {
		SetLevel(l)
		if got := ActiveLevel(); got != min(l, detected) {
			t.Errorf("asked for %v, got %v on a machine with %v", l, got, detected)
		}
	}
}
