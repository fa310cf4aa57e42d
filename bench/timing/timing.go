// Package timing is what the programs of the benchmarks share: a clock, and the JSON object that each of them prints.
package timing

import (
	"slices"
	"time"
)

// A Report is what one program measured. The scripts in bench/peers print the same object.
type Report struct {
	// System names what did the work, with its version.
	System string `json:"system"`
	// Threads is how many threads did it.
	Threads int    `json:"threads"`
	Cases   []Case `json:"cases"`
	// Check are some numbers of what was computed: the same for all who do the work.
	Check []float64 `json:"check,omitempty"`
}

// A Case is one thing that was timed.
type Case struct {
	Name string `json:"name"`
	// Seconds is the median time of one repetition.
	Seconds float64 `json:"seconds"`
	// Items is how many pictures, views or sentences one repetition works on; 0 where there are none.
	Items int `json:"items,omitempty"`
	// FLOPs is how many operations the matrix products and convolutions of one repetition take; 0 if not counted.
	FLOPs float64 `json:"flops,omitempty"`
}

// Repetitions that are not counted, and the least number and time of those that are: the same as in bench/peers/timing.py.
const (
	warmUp         = 3
	minRepetitions = 5
	minSeconds     = 1
)

// Seconds returns the median time of run.
func Seconds(run func() error) (float64, error) { return seconds(run, warmUp, minRepetitions) }

// FewSeconds is Seconds for what takes long: three repetitions, after one that is not counted.
func FewSeconds(run func() error) (float64, error) { return seconds(run, 1, 3) }

func seconds(run func() error, warmUp, minRepetitions int) (float64, error) {
	var times []float64
	total := 0.0
	for i := 0; i < warmUp || len(times) < minRepetitions || total < minSeconds; i++ {
		began := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		if i >= warmUp {
			seconds := time.Since(began).Seconds()
			times = append(times, seconds)
			total += seconds
		}
	}
	return Median(times), nil
}

// Median returns the median of one value or more.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
