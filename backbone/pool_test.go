package backbone_test

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
)

// Against plain sums, whatever stands at the padded places, on both devices and in both types.
func TestPoolingSeesATextsOwnTokensOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		batch, length, width := rapid.IntRange(1, 4).Draw(rt, "batch"), rapid.IntRange(1, 6).Draw(rt, "length"), rapid.IntRange(1, 5).Draw(rt, "width")
		pooling := rapid.SampledFrom([]backbone.Pooling{backbone.PoolCLS, backbone.PoolMean, backbone.PoolLast}).Draw(rt, "pooling")
		dtype := rapid.SampledFrom([]dtypes.DType{dtypes.Float32, dtypes.BFloat16}).Draw(rt, "type")
		on := rapid.SampledFrom([]string{"go", "cpu"}).Draw(rt, "device")
		// Eighths are exact in bfloat16.
		values := rapid.SliceOfN(rapid.Map(rapid.IntRange(-100, 100), func(i int) float32 { return float32(i) / 8 }), batch*length*width, batch*length*width).Draw(rt, "hidden")
		mask := make([]bool, batch*length)
		var want []float64
		for b := range batch {
			own := rapid.IntRange(0, length).Draw(rt, "own tokens")
			for l := range length {
				mask[b*length+l] = l < own
				if l >= own && own > 0 {
					values[(b*length+l)*width] = float32(math.NaN()) // the first row of hidden states stays for cls
				}
			}
			for w := range width {
				switch {
				case pooling == backbone.PoolCLS:
					want = append(want, float64(values[b*length*width+w]))
					continue
				case pooling == backbone.PoolLast && own > 0:
					want = append(want, float64(values[(b*length+own-1)*width+w]))
					continue
				}
				var sum float64
				for l := range own {
					sum += float64(values[(b*length+l)*width+w])
				}
				want = append(want, sum/float64(max(own, 1)))
			}
		}
		backend, err := device.Open(on)
		if err != nil {
			rt.Fatal(err)
		}
		defer backend.Finalize()
		got := tensors.MustCopyFlatData[float32](graph.MustExecOnce(backend, func(hidden, mask *graph.Node) *graph.Node {
			pooled := backbone.Pool(graph.ConvertDType(hidden, dtype), mask, pooling)
			if pooled.DType() != dtype {
				rt.Errorf("the vectors are %s, want %s", pooled.DType(), dtype)
			}
			return graph.ConvertDType(pooled, dtypes.Float32)
		}, tensors.FromFlatDataAndDimensions(values, batch, length, width), tensors.FromFlatDataAndDimensions(mask, batch, length)))
		for i, w := range want {
			if !(math.Abs(float64(got[i])-w) <= 0.005*math.Abs(w)+1e-6) {
				rt.Fatalf("%s in %s on %s: number %d is %g, want %g", pooling, dtype, on, i, got[i], w)
			}
		}
	})
}
