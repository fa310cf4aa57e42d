//go:build unix

package peakmemory_test

import (
	"os/exec"
	"runtime"
	"testing"

	"github.com/alike-ml/alike/internal/peakmemory"
)

func TestPeakCoversWhatWasHeld(t *testing.T) {
	const size = 256 << 20
	before := peakmemory.Self()
	held := make([]byte, size)
	for i := 0; i < size; i += 1024 {
		held[i] = 1
	}
	after := peakmemory.Self()
	runtime.KeepAlive(held)
	if before <= 0 || after < size || after < before {
		t.Errorf("the peak went from %d to %d bytes while %d were held", before, after, size)
	}
	command := exec.Command("true")
	if err := command.Run(); err != nil {
		t.Skip(err)
	}
	if peak := peakmemory.Of(command.ProcessState); peak <= 0 {
		t.Errorf("a process that ended held %d bytes", peak)
	}
}
