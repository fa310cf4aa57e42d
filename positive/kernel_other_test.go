//go:build !amd64

package positive

import "testing"

// bothKernels runs a test: without assembly there is one way only.
func bothKernels(t *testing.T, test func(t *testing.T)) { test(t) }
