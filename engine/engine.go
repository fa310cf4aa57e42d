// Package engine is a compute backend for GoMLX in pure Go: a graph goes in, is planned as a whole, and runs on SIMD
// kernels over all cores.
//
// A GoMLX program selects it by name, "alike", once this package is imported, or constructs it with [New]:
//
//	backend, err := engine.New("workers=2")
//
// The way of a computation through the package: a [Function] records operations with their shapes; [Builder.Compile] has
// the graph rewritten, fused and laid out in memory by package plan, and turns each node into a kernel call; an
// [Executable] runs the calls in order. docs/engine.md tells more.
package engine

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/notimplemented"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/kernel"
	"github.com/alike-ml/alike/engine/parallel"
)

// Name is the name under which the backend is registered.
const Name = "alike"

func init() { compute.Register(Name, New) }

// Backend runs computations on the CPU. It is safe for concurrent use; loops of concurrent executions share its workers.
type Backend struct {
	pool      *parallel.Pool
	heap      heap
	arenas    arenas
	memory    int64 // bytes that a computation may need at most
	direct    bool  // convolutions keep to the sums of their definition
	plain     bool  // products keep to the sums of their definition
	trace     tracer
	finalized atomic.Bool
}

var _ compute.Backend = (*Backend)(nil)

// New returns a backend. config is a comma-separated list of
//
//	workers=N      goroutines that share the work, 1 or more; default GOMAXPROCS
//	memory=SIZE    the most memory that one computation may need, in bytes or with a suffix KiB, MiB, GiB;
//	               default the machine's memory
//	winograd=off   compute all convolutions by the sums of their definition (default on: see docs/engine-kernels.md)
//	strassen=off   the same for products of matrices
//
// An unknown key or a value out of range is an error.
func New(config string) (compute.Backend, error) {
	workers := runtime.GOMAXPROCS(0)
	memory, direct, plain := physicalMemory(), false, false
	for option := range strings.SplitSeq(config, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		var err error
		switch key {
		case "":
		case "workers":
			if workers, err = strconv.Atoi(value); err != nil || workers < 1 {
				return nil, errors.Errorf("engine: workers=%s: want a number of 1 or more", value)
			}
		case "memory":
			if memory, err = parseSize(value); err != nil {
				return nil, errors.WithMessagef(err, "engine: memory=%s", value)
			}
		case "winograd", "strassen":
			if value != "on" && value != "off" {
				return nil, errors.Errorf("engine: %s=%s: want on or off", key, value)
			}
			if key == "winograd" {
				direct = value == "off"
			} else {
				plain = value == "off"
			}
		default:
			return nil, errors.Errorf("engine: unknown option %q, want workers=N, memory=SIZE, winograd=off or strassen=off", key)
		}
	}
	b := &Backend{pool: parallel.New(workers), memory: memory, direct: direct, plain: plain}
	if err := b.trace.fromEnvironment(); err != nil {
		return nil, err
	}
	return b, nil
}

// Name returns "alike".
func (b *Backend) Name() string { return Name }

// String returns "alike".
func (b *Backend) String() string { return Name }

// Description names the instruction set and the number of workers in use.
func (b *Backend) Description() string {
	return fmt.Sprintf("Alike CPU engine (%s, %d workers)", kernel.ActiveLevel(), b.pool.Workers())
}

// NumDevices returns 1.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription returns a name for the only device.
func (b *Backend) DeviceDescription(compute.DeviceNum) string { return "cpu" }

// Capabilities returns what the backend supports.
func (b *Backend) Capabilities() compute.Capabilities { return capabilities.Clone() }

// Builder returns a builder for a new computation.
func (b *Backend) Builder(name string) compute.Builder {
	return newBuilder(b, name)
}

// Finalize frees the backend's memory and workers. It must not be used afterwards.
func (b *Backend) Finalize() {
	if b.finalized.Swap(true) {
		return
	}
	b.heap.release()
	b.arenas.release()
	b.pool.Close()
}

// IsFinalized reports whether Finalize has been called.
func (b *Backend) IsFinalized() bool { return b.finalized.Load() }

func notImplemented(op compute.OpType) error {
	return errors.Wrapf(notimplemented.NotImplementedError, "the %q backend does not implement %s", Name, op)
}

// parseSize reads a number of bytes such as 1048576, 512MiB or 8GiB.
func parseSize(s string) (int64, error) {
	digits, unit := s, int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			digits, unit = rest, factor
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) || n*float64(unit) > 1<<62 {
		return 0, errors.New("want a size such as 512MiB or 8GiB")
	}
	return int64(n * float64(unit)), nil
}
