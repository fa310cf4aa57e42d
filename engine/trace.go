package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/gomlx/compute"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// TraceEnv is the environment variable that turns tracing on: "table" prints a table of the time of each operation to
// standard error after every execution, "chrome:FILE" writes all that has been executed to FILE after every execution, for
// chrome://tracing or ui.perfetto.dev.
const TraceEnv = "ALIKE_ENGINE_TRACE"

// tracer records the time of kernel calls.
type tracer struct {
	on     atomic.Bool
	mu     sync.Mutex
	events []event
	table  io.Writer
	chrome string // file name
}

type event struct {
	node       *plan.Node
	begin, end time.Time
}

func (t *tracer) fromEnvironment() error {
	value := os.Getenv(TraceEnv)
	file, chrome := strings.CutPrefix(value, "chrome:")
	switch {
	case value == "":
		return nil
	case value == "table":
		t.table = os.Stderr
	case chrome && file != "":
		t.chrome = file
	default:
		return errors.Errorf("engine: %s=%s: want table or chrome:FILE", TraceEnv, value)
	}
	t.on.Store(true)
	return nil
}

func (t *tracer) enabled() bool { return t.on.Load() }

func (t *tracer) record(n *plan.Node, begin, end time.Time) {
	t.mu.Lock()
	t.events = append(t.events, event{n, begin, end})
	t.mu.Unlock()
}

// endExecution prints what has been recorded.
func (t *tracer) endExecution(name string) {
	if !t.enabled() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table != nil {
		writeTable(t.table, name, t.events)
		t.events = t.events[:0]
	}
	if t.chrome != "" {
		if err := writeChrome(t.chrome, t.events); err != nil {
			fmt.Fprintf(os.Stderr, "engine: %s: %v\n", TraceEnv, err)
			t.chrome = ""
		}
	}
}

// Trace makes the backend write a table of where the time goes to w after every execution; a nil w ends it.
func (b *Backend) Trace(w io.Writer) {
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	b.trace.table = w
	b.trace.events = b.trace.events[:0]
	b.trace.on.Store(w != nil || b.trace.chrome != "")
}

// total is a line of the table: all calls of one operation on the same shapes.
type total struct {
	name         string
	calls        int
	time         time.Duration
	flops, bytes float64
}

func writeTable(w io.Writer, name string, events []event) {
	lines := make(map[string]*total)
	var sum time.Duration
	for _, e := range events {
		key := describe(e.node)
		line := lines[key]
		if line == nil {
			line = &total{name: key}
			lines[key] = line
		}
		line.calls++
		line.time += e.end.Sub(e.begin)
		line.flops += flopsOf(e.node)
		line.bytes += bytesMoved(e.node)
		sum += e.end.Sub(e.begin)
	}
	var sorted []*total
	for _, line := range lines {
		sorted = append(sorted, line)
	}
	slices.SortFunc(sorted, func(a, b *total) int {
		if a.time != b.time {
			return int(b.time - a.time)
		}
		return strings.Compare(a.name, b.name)
	})
	fmt.Fprintf(w, "%s: %.2f ms in %d kernel calls\n", name, sum.Seconds()*1e3, len(events))
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "ms\tshare\tcalls\tGFLOP/s\tGB/s\t  operation\t")
	for _, line := range sorted {
		seconds := max(line.time.Seconds(), 1e-9)
		fmt.Fprintf(tab, "%.3f\t%.1f%%\t%d\t%.1f\t%.1f\t  %s\t\n", seconds*1e3, 100*seconds/sum.Seconds(), line.calls,
			line.flops/seconds/1e9, line.bytes/seconds/1e9, line.name)
	}
	tab.Flush()
}

// writeChrome writes the events in the trace event format.
func writeChrome(file string, events []event) error {
	type traceEvent struct {
		Name  string  `json:"name"`
		Phase string  `json:"ph"`
		Time  float64 `json:"ts"`  // microseconds
		Span  float64 `json:"dur"` // microseconds
		PID   int     `json:"pid"`
		TID   int     `json:"tid"`
	}
	var all []traceEvent
	for _, e := range events {
		all = append(all, traceEvent{describe(e.node), "X", float64(e.begin.Sub(events[0].begin).Nanoseconds()) / 1e3,
			float64(e.end.Sub(e.begin).Nanoseconds()) / 1e3, 1, 1})
	}
	data, err := json.Marshal(map[string]any{"traceEvents": all})
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// describe names a node with its shapes; for a loop, with its operations.
func describe(n *plan.Node) string {
	var b strings.Builder
	b.WriteString(plan.OpName(n.Op))
	if l, ok := n.Attr.(*plan.Loop); ok {
		for _, instr := range l.Code {
			fmt.Fprintf(&b, " %s", plan.OpName(instr.Op))
		}
		for _, r := range l.Results {
			if r.Reduce != compute.OpTypeInvalid {
				fmt.Fprintf(&b, " reduce %s", r.Reduce)
			}
		}
	}
	for _, v := range n.Inputs {
		if v.Shape().Rank() > 0 {
			fmt.Fprintf(&b, " %v", v.Shape().Dimensions)
		}
	}
	b.WriteString(" ->")
	for _, s := range n.Outputs {
		fmt.Fprintf(&b, " %v", s.Dimensions)
	}
	return b.String()
}

// flopsOf returns the arithmetic operations of products and convolutions, and one per element and instruction of a loop.
func flopsOf(n *plan.Node) float64 {
	switch attr := n.Attr.(type) {
	case *plan.Loop:
		return float64(attr.Size) * float64(len(attr.Code))
	case dotAttr:
		k := product(pick(n.Inputs[0].Shape().Dimensions, attr.lhsContract))
		return 2 * float64(n.Outputs[0].Size()) * float64(k)
	case plan.ConvLayer:
		return layerShape(attr, 1).Flops()
	case plan.Conv:
		kernelDims := n.Inputs[1].Shape().Dimensions
		return 2 * float64(n.Outputs[0].Size()) * float64(product(kernelDims)/kernelDims[attr.Axes.KernelOutputChannels])
	}
	return 0
}

func bytesMoved(n *plan.Node) float64 {
	var sum int64
	for _, v := range n.Inputs {
		sum += v.Shape().ByteSize()
	}
	for _, s := range n.Outputs {
		sum += s.ByteSize()
	}
	return float64(sum)
}

// formatSize writes bytes with a binary unit.
func formatSize(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size := float64(bytes)
	for len(units) > 1 && size >= 1024 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}
