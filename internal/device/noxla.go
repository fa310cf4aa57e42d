//go:build !xla

package device

import (
	"fmt"

	"github.com/gomlx/compute"
)

// xlaDevices is empty: this binary was built without XLA.
var xlaDevices []Info

// checkXLA says how to get a binary that has XLA.
func checkXLA(name string) error {
	return fmt.Errorf("there is no device %q in this binary: build one with go build -tags xla, which needs cgo and a PJRT plug-in", name)
}

func openXLA(name string) (compute.Backend, error) { return nil, checkXLA(name) }
