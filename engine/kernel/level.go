package kernel

import (
	"os"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"
)

// Level is a set of vector instructions that the kernels may use.
type Level int

const (
	// None is plain Go, on every architecture.
	None Level = iota
	// AVX2 is 256-bit vectors with fused multiply-add.
	AVX2
	// AVX512 is 512-bit vectors: AVX-512 F, BW, DQ and VL.
	AVX512
)

// String returns the name that ALIKE_SIMD understands.
func (l Level) String() string {
	switch l {
	case AVX512:
		return "avx512"
	case AVX2:
		return "avx2"
	}
	return "none"
}

// detected and detectedBF16 are what the machine can do; active and activeBF16 are what the kernels use.
var (
	detected, detectedBF16 = detect()

	active     atomic.Int32
	activeBF16 atomic.Bool

	_ = SetLevel(fromEnvironment(os.Getenv("ALIKE_SIMD")))
)

// ActiveLevel returns the level that the kernels use: the detected one, or a lower one that ALIKE_SIMD=avx512|avx2|none
// asked for when the program started. An unknown value, or a level that the machine lacks, counts as the next one down
// that it has.
func ActiveLevel() Level { return Level(active.Load()) }

// SetLevel makes the kernels use level l, or the next one down that this machine has, and returns the level they used
// before. It is meant for tests: no kernel may be running.
func SetLevel(l Level) (before Level) {
	before = Level(active.Load())
	l = max(None, min(l, detected))
	active.Store(int32(l))
	activeBF16.Store(l == AVX512 && detectedBF16)
	return before
}

// fromEnvironment reads the value of ALIKE_SIMD.
func fromEnvironment(value string) Level {
	for _, l := range []Level{None, AVX2, AVX512} {
		if value == l.String() {
			return l
		}
	}
	return detected
}

func detect() (level Level, bf16 bool) {
	if !haveAssembly {
		return None, false
	}
	cpu := cpuid.CPU
	switch {
	case cpu.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.FMA3, cpuid.AVX2):
		return AVX512, cpu.Supports(cpuid.AVX512BF16)
	case cpu.Supports(cpuid.AVX2, cpuid.FMA3):
		return AVX2, false
	}
	return None, false
}
