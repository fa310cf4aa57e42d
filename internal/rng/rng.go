// Package rng is the one place randomness comes from.
//
// Every random draw of a run depends only on (seed, epoch, item, view): never on the number of workers, on timing or on
// what was drawn before. That is what makes a run repeatable byte for byte and a killed run resumable.
package rng

import "math/rand/v2"

// Views of an item that are not views of a picture have names of their own, so that no two purposes share a stream.
const (
	// Shuffle is the view number for the order of an epoch's items; its item is 0.
	Shuffle = -1
	// Init is the view number for drawing initial weights; its epoch is 0 and its item counts the variables.
	Init = -2
	// Split is the view number for holding items out of the training data; its epoch and item are 0.
	Split = -3
	// Substitute is the view number for choosing what stands in for an unreadable item.
	Substitute = -4
	// Dropout is the view number for the first random state of a graph with dropout; its epoch and item are 0.
	Dropout = -5
	// Caption is the view number for choosing one of the captions of a picture.
	Caption = -6
	// Turn is the view number for choosing one of the pictures of a group; its item is the first of them.
	Turn = -7
)

// New returns the generator of one view of one item in one epoch. The four numbers are mixed with SplitMix64 (Steele,
// Lea and Flood 2014, "Fast splittable pseudorandom number generators") into the two words that seed a PCG generator, so
// neighbouring items have unrelated streams.
func New(seed uint64, epoch, item, view int) *rand.Rand {
	h := mix(seed)
	for _, v := range [...]int{epoch, item, view} {
		h = mix(h ^ uint64(v))
	}
	return rand.New(rand.NewPCG(h, mix(h)))
}

// mix is SplitMix64's finaliser over x advanced by the golden gamma: a bijection of 64-bit words.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
