//go:build !linux

package engine

import "math"

// physicalMemory returns a number without effect: the machine's memory is not known.
func physicalMemory() int64 { return math.MaxInt64 }
