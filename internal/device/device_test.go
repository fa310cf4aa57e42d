package device_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/alike-ml/alike/internal/device"
)

func TestEveryPortableDeviceComputes(t *testing.T) {
	for _, name := range []string{"cpu", "go"} {
		if !slices.ContainsFunc(device.Known(), func(i device.Info) bool { return i.Name == name && i.Description != "" }) {
			t.Errorf("%s is not listed", name)
		}
		if err := device.CheckName(name); err != nil {
			t.Error(err)
		}
		backend, err := device.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		out, err := graph.CallOnce(backend, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) }, []float32{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := tensors.ToScalar[float32](out); got != 14 {
			t.Errorf("%s: %g, want 14", name, got)
		}
		backend.Finalize()
	}
}

func TestUnknownDevicesAreSuggested(t *testing.T) {
	for _, f := range []func(string) error{
		device.CheckName,
		func(name string) error { _, err := device.Open(name); return err },
	} {
		if err := f("cpus"); err == nil || !strings.Contains(err.Error(), `did you mean "cpu"?`) {
			t.Errorf("error %v", err)
		}
		for _, name := range []string{"", "gpu0", "CPU "} {
			if err := f(name); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: error %v", name, err)
			}
		}
	}
}
