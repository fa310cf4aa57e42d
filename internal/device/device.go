// Package device opens a compute backend by name. It is the one place that knows which backends are compiled in; nothing
// is ever downloaded to open one.
package device

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"github.com/alike-ml/alike/engine"
	"github.com/alike-ml/alike/internal/nearest"
)

// Default is the device that a run uses when none is named.
const Default = "cpu"

// Info describes a device for the list of what there is.
type Info struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Known lists the devices that this binary has.
func Known() []Info {
	return append([]Info{
		{"cpu", "Alike's own engine: pure Go with SIMD kernels"},
		{"go", "GoMLX's own portable backend: for comparison, slow"},
	}, xlaDevices...)
}

// xlaPrefix starts the name of a device that XLA computes on: the name of its PJRT plug-in follows.
const xlaPrefix = "xla:"

// CheckName returns an error that suggests the nearest name unless there is a device of that name.
func CheckName(name string) error {
	if strings.HasPrefix(name, xlaPrefix) {
		return checkXLA(name)
	}
	var names []string
	for _, d := range Known() {
		if d.Name == name {
			return nil
		}
		names = append(names, d.Name)
	}
	return fmt.Errorf("there is no device %q%s; there are %s", name, nearest.Suggestion(name, names), strings.Join(names, " and "))
}

// MemoryError is how the cpu device refuses a computation that needs more memory than there is.
type MemoryError = engine.MemoryError

// Peak is how many bytes a computation needs, inputs, outputs and everything in between; 0 where the device does not tell.
func Peak(c compute.Executable) int64 {
	if planned, ok := c.(interface{ Peak() int64 }); ok {
		return planned.Peak()
	}
	return 0
}

// Open returns the named device. The caller calls Finalize on it when done.
func Open(name string) (compute.Backend, error) {
	switch name {
	case "cpu":
		return engine.New("")
	case "go":
		return gobackend.New("")
	}
	if strings.HasPrefix(name, xlaPrefix) {
		return openXLA(name)
	}
	return nil, CheckName(name)
}
