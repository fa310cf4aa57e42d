package engine_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine"
)

func TestNewChecksItsConfig(t *testing.T) {
	for _, config := range []string{"workers=0", "workers=two", "memory=", "memory=-1GiB", "winograd=2", "strassen=2", "speed=11"} {
		if b, err := engine.New(config); err == nil {
			b.Finalize()
			t.Errorf("New(%q) accepted it", config)
		} else if key, _, _ := strings.Cut(config, "="); !strings.Contains(err.Error(), key) {
			t.Errorf("New(%q): the error does not name the option: %v", config, err)
		}
	}
}

func TestRegisteredByName(t *testing.T) {
	b, err := compute.NewWithConfig("alike:workers=1,memory=1GiB")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if b.Name() != engine.Name {
		t.Errorf("name is %q", b.Name())
	}
}

// TestWinogradOff checks that convolutions of integers, which the definition computes without a rounding error, are exact if they are asked to be,
// and near it otherwise.
func TestWinogradOff(t *testing.T) {
	const n, size, channels = 4, 8, 32
	integers := func(length, step int) []float64 {
		x := make([]float64, length)
		for i := range x {
			x[i] = float64(i*step%17 - 8)
		}
		return x
	}
	inputs := []input{
		{dims: []int{n, size, size, channels}, values: integers(n*size*size*channels, 5)},
		{dims: []int{3, 3, channels, channels}, values: integers(9*channels*channels, 7)},
	}
	convolution := one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
		return f.ConvGeneral(in[0], in[1], compute.ConvolveAxesConfig{
			InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3, KernelSpatial: []int{0, 1}, KernelInputChannels: 2,
			KernelOutputChannels: 3, OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
		}, nil, [][2]int{{1, 1}, {1, 1}}, nil, nil, 1, 1)
	})
	exact, err := run(newBackend(t, ""), dtypes.Float64, inputs, convolution)
	if err != nil {
		t.Fatal(err)
	}
	for config, tolerance := range map[string]float64{"winograd=off": 0, "winograd=on": 0.01, "": 0.01} {
		got, err := run(newBackend(t, config), dtypes.Float32, inputs, convolution)
		if err != nil {
			t.Fatal(err)
		}
		differ := 0
		for i, v := range got[0] {
			d := math.Abs(v - exact[0][i])
			if d > tolerance {
				t.Fatalf("%q: output %d is %g, want %g", config, i, v, exact[0][i])
			}
			if d > 0 {
				differ++
			}
		}
		if tolerance > 0 && differ == 0 {
			t.Errorf("%q: all outputs are exact, so the definition computed them", config)
		}
	}
}

// TestStrassenOff checks that a large product has other bits where it is to keep to the definition, and is near the exact one in both ways.
func TestStrassenOff(t *testing.T) {
	const m, n, k = 512, 256, 192
	fractions := func(length, step int) []float64 {
		x := make([]float64, length)
		for i := range x {
			x[i] = float64(float32(i*step%17-8) / 7)
		}
		return x
	}
	inputs := []input{{dims: []int{m, k}, values: fractions(m*k, 5)}, {dims: []int{k, n}, values: fractions(k*n, 7)}}
	product := one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
		return f.DotGeneral(in[0], []int{1}, nil, in[1], []int{0}, nil, compute.DotGeneralConfig{})
	})
	exact, err := run(newBackend(t, ""), dtypes.Float64, inputs, product)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string][]float64{}
	for _, config := range []string{"strassen=off", "strassen=on", ""} {
		got, err := run(newBackend(t, config), dtypes.Float32, inputs, product)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got[0] {
			if math.Abs(v-exact[0][i]) > 1e-3 {
				t.Fatalf("%q: output %d is %g, want %g", config, i, v, exact[0][i])
			}
		}
		results[config] = got[0]
	}
	if !slices.Equal(results["strassen=on"], results[""]) || slices.Equal(results["strassen=off"], results[""]) {
		t.Error("the option does not choose the algorithm")
	}
}

// TestMistakesNameTheOperation checks that what does not fit fails while the graph is built, and says what.
func TestMistakesNameTheOperation(t *testing.T) {
	b := newBackend(t, "")
	f := b.Builder("mistakes").Main()
	x := must(f.Parameter("x", shapes.Make(dtypes.Float32, 2, 3), nil))
	y := must(f.Parameter("y", shapes.Make(dtypes.Float32, 4, 5), nil))
	i := must(f.Parameter("i", shapes.Make(dtypes.Int32, 2, 3), nil))
	for name, build := range map[string]func() (compute.Value, error){
		"Add": func() (compute.Value, error) { return f.Add(x, y) },
		"Mul": func() (compute.Value, error) { return f.Mul(x, i) },
		"DotGeneral": func() (compute.Value, error) {
			return f.DotGeneral(x, []int{1}, nil, y, []int{0}, nil, compute.DotGeneralConfig{})
		},
		"Reshape":    func() (compute.Value, error) { return f.Reshape(x, 5) },
		"Transpose":  func() (compute.Value, error) { return f.Transpose(x, 0, 0) },
		"ReduceSum":  func() (compute.Value, error) { return f.ReduceSum(x, 2) },
		"ReduceMax":  func() (compute.Value, error) { return f.ReduceMax(x, 1, 1) },
		"LogicalAnd": func() (compute.Value, error) { return f.LogicalAnd(x, x) },
		"ConvGeneral": func() (compute.Value, error) {
			return f.ConvGeneral(x, x, compute.ConvolveAxesConfig{}, nil, nil, nil, nil, 1, 1)
		},
		"BatchNormForInference": func() (compute.Value, error) { return f.BatchNormForInference(x, y, y, y, y, 1e-5, 1) },
		"FFT":                   func() (compute.Value, error) { return f.FFT(x, compute.FFTForwardReal, []int{3}) },
	} {
		_, err := build()
		if err == nil {
			t.Errorf("%s accepted operands that do not fit", name)
		} else if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error does not name it: %v", name, err)
		}
	}
	if _, err := f.Add(x, y); !strings.Contains(err.Error(), "[2, 3]") && !strings.Contains(err.Error(), "[2 3]") {
		t.Errorf("the error does not show the shapes: %v", err)
	}
}

func TestCapabilitiesAreTrue(t *testing.T) {
	b := newBackend(t, "")
	for op, has := range b.Capabilities().Operations {
		if op == compute.OpTypeComplex && has {
			t.Error("complex numbers are announced")
		}
	}
	f := b.Builder("complex").Main()
	if _, err := f.Parameter("z", shapes.Make(dtypes.Complex64, 2), nil); !compute.IsNotImplemented(err) {
		t.Errorf("a complex parameter gives %v, want a not-implemented error", err)
	}
}

// compileSum compiles y = x + 1 over n floats.
func compileSum(t *testing.T, b compute.Backend, n int) (compute.Executable, error) {
	t.Helper()
	builder := b.Builder("sum")
	f := builder.Main()
	x := must(f.Parameter("x", shapes.Make(dtypes.Float32, n), nil))
	if err := f.Return([]compute.Value{must(f.Add(x, must(f.Constant([]float32{1}))))}, nil); err != nil {
		t.Fatal(err)
	}
	return builder.Compile()
}

func TestTooLargeAPlanIsRefused(t *testing.T) {
	b := newBackend(t, "memory=1MiB")
	if _, err := compileSum(t, b, 1000); err != nil {
		t.Fatalf("a small plan: %v", err)
	}
	_, err := compileSum(t, b, 1<<20)
	if err == nil || !strings.Contains(err.Error(), "8.0 MiB") || !strings.Contains(err.Error(), "batch") {
		t.Errorf("the error is %v, want one that names the peak of 8.0 MiB", err)
	}
}

// A loop whose body needs two tensors of n numbers in between: the peak has them, once, for any number of turns, and the loop's second state.
func TestPeakHasTheBodiesOfLoops(t *testing.T) {
	const n = 1 << 16
	compile := func(b compute.Backend) (compute.Executable, error) {
		builder := b.Builder("loop")
		f := builder.Main()
		x := must(f.Parameter("x", shapes.Make(dtypes.Float32), nil))
		zeros := must(f.Parameter("zeros", shapes.Make(dtypes.Float32, n), nil))
		cond, body := must(f.Closure()), must(f.Closure())
		y := must(cond.Parameter("y", shapes.Make(dtypes.Float32), nil))
		if err := cond.Return([]compute.Value{must(cond.LessThan(y, must(cond.Constant([]float32{3}))))}, nil); err != nil {
			t.Fatal(err)
		}
		y = must(body.Parameter("y", shapes.Make(dtypes.Float32), nil))
		wide := must(body.Add(zeros, must(body.BroadcastInDim(y, shapes.Make(dtypes.Float32, n), nil))))
		once := must(body.CumSum(wide, 0, compute.CumSumOptions{})) // which no loop computes
		twice := must(body.CumSum(once, 0, compute.CumSumOptions{}))
		grown := must(body.Add(y, must(body.Constant([]float32{1}))))
		kept := must(body.Mul(must(body.ReduceSum(twice, 0)), must(body.Constant([]float32{0}))))
		if err := body.Return([]compute.Value{must(body.Add(grown, kept))}, nil); err != nil {
			t.Fatal(err)
		}
		if err := f.Return(must(f.While(cond, body, x)), nil); err != nil {
			t.Fatal(err)
		}
		return builder.Compile()
	}
	b := newBackend(t, "")
	exec, err := compile(b)
	if err != nil {
		t.Fatal(err)
	}
	const tensor = 4 * n
	if peak := exec.(*engine.Executable).Peak(); peak < 3*tensor || peak > 3*tensor+tensor/2 {
		t.Errorf("the peak is %d bytes, want the parameter and two tensors of the body, %d each, and little else", peak, tensor)
	}
	inputs := []compute.Buffer{
		must(b.BufferFromFlatData(0, []float32{0}, shapes.Make(dtypes.Float32))),
		must(b.BufferFromFlatData(0, make([]float32, n), shapes.Make(dtypes.Float32, n))),
	}
	outputs, err := exec.Execute(inputs, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := must(outputs[0].Data()).([]float32)[0]; got != 3 {
		t.Errorf("the loop ends at %g, want 3", got)
	}
	if _, err := compile(newBackend(t, "memory=600KiB")); err == nil || !strings.Contains(err.Error(), "768") {
		t.Errorf("the error is %v, want one that names the peak of 768 KiB", err)
	}
}

func TestDonatedMemoryIsUsed(t *testing.T) {
	b := newBackend(t, "")
	exec, err := compileSum(t, b, 100)
	if err != nil {
		t.Fatal(err)
	}
	shape := shapes.Make(dtypes.Float32, 100)
	buffer, flat, err := b.NewSharedBuffer(0, shape)
	if err != nil {
		t.Fatal(err)
	}
	before := &flat.([]float32)[0]
	outputs, err := exec.Execute([]compute.Buffer{buffer}, []bool{true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	after := must(outputs[0].Data()).([]float32)
	if &after[0] != before || after[99] != 1 {
		t.Errorf("the donated memory was not taken for the output (last element %v)", after[99])
	}
	if _, err := exec.Execute([]compute.Buffer{buffer}, nil, 0); err == nil {
		t.Error("a donated buffer was accepted again")
	}
}

func TestTraceTable(t *testing.T) {
	b := newBackend(t, "")
	exec, err := compileSum(t, b, 100)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	b.(*engine.Backend).Trace(&table)
	buffer := must(b.BufferFromFlatData(0, make([]float32, 100), shapes.Make(dtypes.Float32, 100)))
	if _, err := exec.Execute([]compute.Buffer{buffer}, nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GFLOP/s", "GB/s", "Loop Add [100] -> [100]"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &table)
		}
	}
}

func TestTraceFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace.json")
	t.Setenv(engine.TraceEnv, "chrome:"+file)
	b := newBackend(t, "")
	exec, err := compileSum(t, b, 100)
	if err != nil {
		t.Fatal(err)
	}
	buffer := must(b.BufferFromFlatData(0, make([]float32, 100), shapes.Make(dtypes.Float32, 100)))
	if _, err := exec.Execute([]compute.Buffer{buffer}, nil, 0); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		TraceEvents []struct{ Name, Ph string }
	}
	if err := json.Unmarshal(data, &trace); err != nil || len(trace.TraceEvents) != 1 || trace.TraceEvents[0].Ph != "X" {
		t.Errorf("the trace is %s (%v)", data, err)
	}
}

// TestControlFlow runs closures that capture values of their parents: a While in an If.
func TestControlFlow(t *testing.T) {
	b := newBackend(t, "")
	for _, c := range []struct{ pred, want float64 }{{1, 32}, {0, -3}} {
		got, err := run(b, dtypes.Float32, []input{{values: []float64{c.pred}, dtype: dtypes.Bool}, {values: []float64{2}}, {values: []float64{3}}},
			func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
				onTrue, onFalse := must(f.Closure()), must(f.Closure())
				// From 2, multiply by 2 until the value is above 10 * 3.
				cond, body := must(onTrue.Closure()), must(onTrue.Closure())
				x := must(cond.Parameter("x", shapes.Make(dtypes.Float32), nil))
				limit := must(cond.Mul(in[2], must(cond.Constant([]float32{10}))))
				if err := cond.Return([]compute.Value{must(cond.LessOrEqual(x, limit))}, nil); err != nil {
					return nil, err
				}
				x = must(body.Parameter("x", shapes.Make(dtypes.Float32), nil))
				if err := body.Return([]compute.Value{must(body.Mul(x, in[1]))}, nil); err != nil {
					return nil, err
				}
				if err := onTrue.Return(must(onTrue.While(cond, body, in[1])), nil); err != nil {
					return nil, err
				}
				if err := onFalse.Return([]compute.Value{must(onFalse.Neg(in[2]))}, nil); err != nil {
					return nil, err
				}
				return f.If(in[0], onTrue, onFalse)
			})
		if err != nil {
			t.Fatal(err)
		}
		agree(t, "If", got, [][]float64{{c.want}}, 0)
	}
}

// TestRandomBitsAreThePublishedOnes checks Philox4x32-10 against the known answers of its authors' Random123 library, and that the
// generator counts on.
func TestRandomBitsAreThePublishedOnes(t *testing.T) {
	b := newBackend(t, "workers=2")
	builder := b.Builder("random")
	f := builder.Main()
	state := must(f.Parameter("state", compute.RNGStateShape, nil))
	next, bits, err := f.RNGBitGenerator(state, shapes.Make(dtypes.Uint32, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Return([]compute.Value{next, bits}, nil); err != nil {
		t.Fatal(err)
	}
	exec := must(builder.Compile())
	for _, c := range []struct {
		state [3]uint64
		want  [4]uint32
	}{
		{[3]uint64{0, 0, 0}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[3]uint64{^uint64(0), ^uint64(0), ^uint64(0)}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[3]uint64{0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		buffer := must(b.BufferFromFlatData(0, c.state[:], compute.RNGStateShape))
		outputs, err := exec.Execute([]compute.Buffer{buffer}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]uint32(must(outputs[1].Data()).([]uint32)); got != c.want {
			t.Errorf("state %x gives %x, want %x", c.state, got, c.want)
		}
		if got := must(outputs[0].Data()).([]uint64); got[0] != c.state[0] || got[1] != c.state[1]+1 {
			t.Errorf("state %x is followed by %x", c.state, got)
		}
	}
}

func TestConcurrentExecutions(t *testing.T) {
	b := newBackend(t, "workers=2")
	const size = 50000
	exec, err := compileSum(t, b, size)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for round := range 10 {
				values := slices.Repeat([]float32{float32(10*worker + round)}, size)
				buffer := must(b.BufferFromFlatData(0, values, shapes.Make(dtypes.Float32, size)))
				outputs, err := exec.Execute([]compute.Buffer{buffer}, []bool{round%2 == 0}, 0)
				if err != nil {
					t.Error(err)
					return
				}
				got := must(outputs[0].Data()).([]float32)
				if i := slices.IndexFunc(got, func(v float32) bool { return v != values[0]+1 }); i >= 0 {
					t.Errorf("element %d is %v, want %v", i, got[i], values[0]+1)
				}
				if err := outputs[0].Finalize(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
