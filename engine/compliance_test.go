package engine_test

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/support/backendtest"

	"github.com/alike-ml/alike/engine"
)

// newBackend returns a backend for the time of a test.
func newBackend(t testing.TB, config string) compute.Backend {
	t.Helper()
	b, err := engine.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// TestCompliance runs the tests that compute has for every backend.
func TestCompliance(t *testing.T) {
	backendtest.RunAll(t, newBackend(t, ""), nil)
}
