package engine_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

// The reference of these tests is GoMLX's own backend, in float64 where the engine computes in float32.

func reference(t testing.TB) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// input is an operand: floats in the dtype under test, or whatever dtype says.
type input struct {
	dims   []int
	values []float64
	dtype  dtypes.DType // InvalidDType: the float under test
}

// buildFunc records the operation under test.
type buildFunc func(f compute.Function, in []compute.Value) ([]compute.Value, error)

// one makes a buildFunc of a method with one result.
func one(build func(f compute.Function, in []compute.Value) (compute.Value, error)) buildFunc {
	return func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		v, err := build(f, in)
		return []compute.Value{v}, err
	}
}

// run executes the operation and returns its results as float64.
func run(b compute.Backend, dtype dtypes.DType, inputs []input, build buildFunc) ([][]float64, error) {
	builder := b.Builder("test")
	f := builder.Main()
	var params []compute.Value
	var buffers []compute.Buffer
	for i, in := range inputs {
		own := in.dtype
		if own == dtypes.InvalidDType {
			own = dtype
		}
		shape := shapes.Make(own, in.dims...)
		p, err := f.Parameter(fmt.Sprint("p", i), shape, nil)
		if err != nil {
			return nil, err
		}
		buffer, err := b.BufferFromFlatData(0, toFlat(in.values, own), shape)
		if err != nil {
			return nil, err
		}
		params, buffers = append(params, p), append(buffers, buffer)
	}
	values, err := build(f, params)
	if err != nil {
		return nil, err
	}
	if err := f.Return(values, nil); err != nil {
		return nil, err
	}
	exec, err := builder.Compile()
	if err != nil {
		return nil, err
	}
	outputs, err := exec.Execute(buffers, nil, 0)
	if err != nil {
		return nil, err
	}
	var results [][]float64
	for _, o := range outputs {
		flat, err := o.Data()
		if err != nil {
			return nil, err
		}
		results = append(results, fromFlat(flat))
	}
	return results, nil
}

func toFlat(values []float64, dtype dtypes.DType) any {
	flat := reflect.ValueOf(dtypes.MakeAnySlice(dtype, len(values)))
	for i, v := range values {
		switch e := flat.Index(i); {
		case dtype == dtypes.Bool:
			e.SetBool(v != 0)
		case e.CanInt():
			e.SetInt(int64(v))
		case dtype.IsFloat16():
			reflect.ValueOf(e.Addr().Interface()).MethodByName("SetFloat64").Call([]reflect.Value{reflect.ValueOf(v)})
		case e.CanUint():
			e.SetUint(uint64(int64(v)))
		default:
			e.SetFloat(v)
		}
	}
	return flat.Interface()
}

func fromFlat(flat any) []float64 {
	v := reflect.ValueOf(flat)
	out := make([]float64, v.Len())
	for i := range out {
		switch e := v.Index(i); {
		case e.Kind() == reflect.Bool:
			if e.Bool() {
				out[i] = 1
			}
		case e.CanInt():
			out[i] = float64(e.Int())
		case e.MethodByName("Float64").IsValid():
			out[i] = e.MethodByName("Float64").Call(nil)[0].Float()
		case e.CanUint():
			out[i] = float64(e.Uint())
		default:
			out[i] = e.Float()
		}
	}
	return out
}

// agree fails unless got is near want: within tolerance, relative to the larger of one and the wanted value.
func agree(t fataler, what string, got, want [][]float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d results, want %d", what, len(got), len(want))
	}
	for r := range want {
		if len(got[r]) != len(want[r]) {
			t.Fatalf("%s: result %d has %d elements, want %d", what, r, len(got[r]), len(want[r]))
		}
		for i, w := range want[r] {
			if g := got[r][i]; !near(g, w, tolerance) {
				t.Fatalf("%s: result %d, element %d is %v, want %v", what, r, i, g, w)
			}
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func near(got, want, tolerance float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return math.IsNaN(want) && math.IsNaN(got) || got == want
	}
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

// compare runs the operation on both backends, in float32 and float64.
func compare(t fataler, what string, engine, ref compute.Backend, inputs []input, build buildFunc) {
	t.Helper()
	compareWith(t, what, engine, ref, inputs, build, build)
}

// compareWith is compare for operations that the reference builds otherwise.
func compareWith(t fataler, what string, engine, ref compute.Backend, inputs []input, build, buildRef buildFunc) {
	t.Helper()
	want, err := run(ref, dtypes.Float64, inputs, buildRef)
	if err != nil {
		t.Fatalf("%s: the reference: %v", what, err)
	}
	for dtype, tolerance := range map[dtypes.DType]float64{dtypes.Float32: 2e-5, dtypes.Float64: 1e-12} {
		got, err := run(engine, dtype, inputs, build)
		if err != nil {
			t.Fatalf("%s of %s: %v", what, dtype, err)
		}
		agree(t, fmt.Sprintf("%s of %s%v", what, dtype, dimsOf(inputs)), got, want, tolerance)
	}
}

func dimsOf(inputs []input) (all [][]int) {
	for _, in := range inputs {
		all = append(all, in.dims)
	}
	return all
}

// Generators.

func drawDims(t *rapid.T, low, high, largest int) []int {
	return rapid.SliceOfN(rapid.IntRange(1, largest), low, high).Draw(t, "dims")
}

// drawInput draws values that float32 holds exactly.
func drawInput(t *rapid.T, dims []int) input {
	size := shapes.Make(dtypes.Float32, dims...).Size()
	seed := rapid.Uint64().Draw(t, "seed")
	values := make([]float64, size)
	for i := range values {
		seed = seed*6364136223846793005 + 1442695040888963407
		values[i] = float64(int64(seed>>40)-1<<23) / (1 << 21)
	}
	return input{dims: dims, values: values}
}

func drawAxes(t *rapid.T, rank int) []int {
	perm := rapid.Permutation(sequence(rank)).Draw(t, "axes")
	return slices.Sorted(slices.Values(perm[:rapid.IntRange(1, rank).Draw(t, "count")]))
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// special are values at the border.
var special = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 0.5, 1e-3, 3, -2.5, 1 << 20, -7}

func TestUnary(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	for name, op := range map[string]func(compute.Function, compute.Value) (compute.Value, error){
		"Abs": compute.Function.Abs, "Ceil": compute.Function.Ceil, "Cos": compute.Function.Cos, "Erf": compute.Function.Erf,
		"Exp": compute.Function.Exp, "Expm1": compute.Function.Expm1, "Floor": compute.Function.Floor, "Log": compute.Function.Log,
		"Log1p": compute.Function.Log1p, "Logistic": compute.Function.Logistic, "Neg": compute.Function.Neg,
		"Round": compute.Function.Round, "Rsqrt": compute.Function.Rsqrt, "Sign": compute.Function.Sign, "Sin": compute.Function.Sin,
		"Sqrt": compute.Function.Sqrt, "Tanh": compute.Function.Tanh, "IsNaN": compute.Function.IsNaN, "IsFinite": compute.Function.IsFinite,
	} {
		build := one(func(f compute.Function, in []compute.Value) (compute.Value, error) { return op(f, in[0]) })
		rapid.Check(t, func(t *rapid.T) {
			compare(t, name, engine, ref, []input{drawInput(t, drawDims(t, 0, 4, 9))}, build)
		})
		if name != "Sign" { // which the reference has wrong for NaN
			compare(t, name, engine, ref, []input{{dims: []int{len(special)}, values: clampTo(special, 80)}}, build)
		}
	}
}

// clampTo limits finite values, so that results fit float32.
func clampTo(values []float64, limit float64) []float64 {
	out := slices.Clone(values)
	for i, v := range out {
		if !math.IsInf(v, 0) {
			out[i] = min(max(v, -limit), limit)
		}
	}
	return out
}

func TestBinaryBroadcasts(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	for name, op := range map[string]func(compute.Function, compute.Value, compute.Value) (compute.Value, error){
		"Add": compute.Function.Add, "Sub": compute.Function.Sub, "Mul": compute.Function.Mul, "Div": compute.Function.Div,
		"Max": compute.Function.Max, "Min": compute.Function.Min, "Rem": compute.Function.Rem,
		"Equal": compute.Function.Equal, "NotEqual": compute.Function.NotEqual, "LessThan": compute.Function.LessThan,
		"LessOrEqual": compute.Function.LessOrEqual, "GreaterThan": compute.Function.GreaterThan,
		"GreaterOrEqual": compute.Function.GreaterOrEqual,
	} {
		build := one(func(f compute.Function, in []compute.Value) (compute.Value, error) { return op(f, in[0], in[1]) })
		rapid.Check(t, func(t *rapid.T) {
			dims := drawDims(t, 0, 4, 7)
			a, b := slices.Clone(dims), slices.Clone(dims)
			for i := range dims {
				switch rapid.IntRange(0, 4).Draw(t, "broadcast") {
				case 0:
					a[i] = 1
				case 1:
					b[i] = 1
				}
			}
			compare(t, name, engine, ref, []input{drawInput(t, a), drawInput(t, b)}, build)
		})
	}
}

func TestReductions(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	for name, op := range map[string]func(compute.Function, compute.Value, ...int) (compute.Value, error){
		"ReduceSum": compute.Function.ReduceSum, "ReduceMax": compute.Function.ReduceMax, "ReduceMin": compute.Function.ReduceMin,
		"ReduceProduct": compute.Function.ReduceProduct,
	} {
		rapid.Check(t, func(t *rapid.T) {
			dims := drawDims(t, 1, 4, 12)
			axes := drawAxes(t, len(dims))
			in := drawInput(t, dims)
			if name == "ReduceProduct" {
				for i, v := range in.values {
					in.values[i] = float64(float32(1 + v/64))
				}
			}
			compare(t, name, engine, ref, []input{in},
				one(func(f compute.Function, in []compute.Value) (compute.Value, error) { return op(f, in[0], axes...) }))
		})
	}
}

func TestIntegers(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	for name, op := range map[string]func(compute.Function, compute.Value, compute.Value) (compute.Value, error){
		"Add": compute.Function.Add, "Sub": compute.Function.Sub, "Mul": compute.Function.Mul, "Div": compute.Function.Div,
		"Rem": compute.Function.Rem, "Max": compute.Function.Max, "Min": compute.Function.Min, "Equal": compute.Function.Equal,
		"LessThan": compute.Function.LessThan, "BitwiseAnd": compute.Function.BitwiseAnd, "BitwiseOr": compute.Function.BitwiseOr,
		"BitwiseXor": compute.Function.BitwiseXor, "ShiftLeft": compute.Function.ShiftLeft,
		"ShiftRightLogical": compute.Function.ShiftRightLogical, "ShiftRightArithmetic": compute.Function.ShiftRightArithmetic,
	} {
		build := one(func(f compute.Function, in []compute.Value) (compute.Value, error) { return op(f, in[0], in[1]) })
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(1, 40).Draw(t, "size")
			x := input{dims: []int{n}, values: make([]float64, n)}
			y := input{dims: []int{n}, values: make([]float64, n)}
			for i := range n {
				x.values[i] = float64(rapid.IntRange(-100, 100).Draw(t, "x"))
				y.values[i] = float64(rapid.IntRange(1, 7).Draw(t, "y"))
			}
			for _, dtype := range []dtypes.DType{dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16,
				dtypes.Uint32, dtypes.Uint64} {
				want, err := run(ref, dtype, []input{x, y}, build)
				if err != nil {
					t.Fatal(err)
				}
				got, err := run(engine, dtype, []input{x, y}, build)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, name+" of "+dtype.String(), got, want, 0)
			}
		})
	}
}

// TestConversions converts between all dtypes; values that do not fit saturate, NaN becomes zero.
func TestConversions(t *testing.T) {
	engine := newBackend(t, "")
	values := []float64{0, 1, -1, 2.5, -2.5, 100, 300, -300, 1e10, math.Inf(1), math.Inf(-1), math.NaN()}
	limits := map[dtypes.DType][2]float64{dtypes.Int8: {math.MinInt8, math.MaxInt8}, dtypes.Int16: {math.MinInt16, math.MaxInt16},
		dtypes.Int32: {math.MinInt32, math.MaxInt32}, dtypes.Uint8: {0, math.MaxUint8}, dtypes.Uint16: {0, math.MaxUint16},
		dtypes.Uint32: {0, math.MaxUint32}}
	for dtype, limit := range limits {
		want := make([]float64, len(values))
		for i, v := range values {
			if !math.IsNaN(v) {
				want[i] = math.Trunc(min(max(v, limit[0]), limit[1]))
			}
		}
		for _, from := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			got, err := run(engine, from, []input{{dims: []int{len(values)}, values: values}},
				one(func(f compute.Function, in []compute.Value) (compute.Value, error) {
					return f.ConvertDType(in[0], dtype)
				}))
			if err != nil {
				t.Fatal(err)
			}
			agree(t, from.String()+" to "+dtype.String(), got, [][]float64{want}, 0)
		}
	}
}

// TestBatchNormAxes compares the kernels for features on the last axis of float32 with the definition, in float64 and on another axis.
func TestBatchNormAxes(t *testing.T) {
	engine := newBackend(t, "workers=3")
	rapid.Check(t, func(t *rapid.T) {
		n, c, h := rapid.IntRange(2, 40).Draw(t, "n"), rapid.IntRange(1, 40).Draw(t, "c"), rapid.IntRange(1, 40).Draw(t, "h")
		inputs := []input{drawInput(t, []int{n, c, h}), drawInput(t, []int{c}), drawInput(t, []int{c}), drawInput(t, []int{n, c, h})}
		norm := func(move bool) buildFunc {
			axis := 1
			there, back := func(f compute.Function, x compute.Value) compute.Value { return x }, []int{0, 1, 2}
			if move {
				axis, back = 2, []int{0, 2, 1}
				there = func(f compute.Function, x compute.Value) compute.Value { return must(f.Transpose(x, 0, 2, 1)) }
			}
			return func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
				x, dy := there(f, in[0]), there(f, in[3])
				y, mean, variance, err := f.BatchNormForTraining(x, in[1], in[2], 1e-3, axis)
				if err != nil {
					return nil, err
				}
				dx, dscale, doffset, err := f.BatchNormGradient(x, in[1], mean, variance, dy, 1e-3, axis)
				if err != nil {
					return nil, err
				}
				inferred := must(f.BatchNormForInference(x, in[1], in[2], mean, variance, 1e-3, axis))
				return []compute.Value{must(f.Transpose(y, back...)), mean, variance, must(f.Transpose(dx, back...)), dscale, doffset,
					must(f.Transpose(inferred, back...))}, nil
			}
		}
		want, err := run(engine, dtypes.Float64, inputs, norm(false))
		if err != nil {
			t.Fatal(err)
		}
		got, err := run(engine, dtypes.Float32, inputs, norm(true))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, "batch norm", got, want, 1e-3)
	})
}

// TestReductionsOfDifferentWidthsInOneChain reduces the same values seen as matrices of widths without common divisor.
func TestReductionsOfDifferentWidthsInOneChain(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	const a, b = 127, 113
	x := input{dims: []int{a, b}, values: make([]float64, a*b)}
	for i := range x.values {
		x.values[i] = float64(i%17) - 8
	}
	compare(t, "reductions", engine, ref, []input{x}, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		y := must(f.Tanh(in[0]))
		other := must(f.Reshape(y, b, a))
		return []compute.Value{must(f.ReduceSum(y, 0)), must(f.ReduceSum(other, 0)), must(f.ReduceSum(y, 1)), must(f.ReduceSum(other, 1)),
			must(f.ReduceSum(y))}, nil
	})
}

// TestChains checks fused loops: chains with broadcasts, reductions over the first and the last axes, and results used twice.
func TestChains(t *testing.T) {
	engine, ref := newBackend(t, "workers=3"), reference(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 400).Draw(t, "rows"), rapid.IntRange(1, 300).Draw(t, "cols")
		inputs := []input{drawInput(t, []int{rows, cols}), drawInput(t, []int{1, cols}), drawInput(t, []int{rows, 1})}
		compare(t, "chain", engine, ref, inputs, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			centred := must(f.Sub(in[0], in[1]))
			scaled := must(f.Mul(centred, in[2]))
			gated := must(f.Where(must(f.LessThan(scaled, centred)), scaled, must(f.Neg(centred))))
			flat := must(f.Reshape(gated, rows*cols))
			soft := must(f.Tanh(flat))
			columns := must(f.ReduceSum(must(f.Reshape(soft, rows, cols)), 0))
			peaks := must(f.ReduceMax(gated, 1))
			spread := must(f.BroadcastInDim(columns, shapes.Make(must(f.Shape(gated)).DType, rows, cols), []int{1}))
			mixed := must(f.Add(must(f.Tanh(spread)), gated))
			return []compute.Value{gated, columns, peaks, mixed, gated}, nil
		})
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
