package guard_test

import (
	"errors"
	"io"
	"testing"

	"github.com/alike-ml/alike/internal/guard"
)

func call(f func() error) (err error) {
	defer guard.Recover(&err)
	return f()
}

func TestPanicsBecomeErrors(t *testing.T) {
	if err := call(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := call(func() error { return io.EOF }); err != io.EOF {
		t.Error(err)
	}
	if err := call(func() error { panic(io.ErrClosedPipe) }); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := call(func() error { panic("shapes differ") }); err == nil || err.Error() != "shapes differ" {
		t.Error(err)
	}
}

// A mistake in the program is not a mistake of its user.
func TestRuntimeErrorsStayPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an index out of range became an error")
		}
	}()
	var list []int
	err := call(func() error { list[0] = 1; return nil })
	t.Error(err)
}
