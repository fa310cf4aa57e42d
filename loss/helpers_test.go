package loss_test

import (
	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
)

// backend runs all tests' graphs: the plain Go one, chosen by name so that nothing else is looked for.
var backend = mustBackend()

func mustBackend() compute.Backend {
	b, err := compute.NewWithConfig("go")
	if err != nil {
		panic(err)
	}
	return b
}
