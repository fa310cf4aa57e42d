package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// capabilities is what the backend supports. Left out are complex numbers and FFT, dynamic shapes, quantised weights, packed
// integers below a byte, and collective operations; docs/engine.md says why.
var capabilities = compute.Capabilities{
	Functions: true,
	DTypes: setOf(dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16,
		dtypes.Uint32, dtypes.Uint64, dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64),
	Operations: supportedOperations(),
}

// leftOut are the operations that the backend does not support.
var leftOut = setOf(
	compute.OpTypeInvalid,
	compute.OpTypeComplex, compute.OpTypeConj, compute.OpTypeReal, compute.OpTypeImag, compute.OpTypeFFT,
	compute.OpTypeDynamicShape, compute.OpTypeDynamicDimensionSize, compute.OpTypeDynamicReshape,
	compute.OpTypeDynamicBroadcastInDim, compute.OpTypeDynamicIota, compute.OpTypeDynamicPad,
	compute.OpTypeSelectAndScatterSum, compute.OpTypeNotEqualTotalOrder,
	compute.OpTypeFusedQuantizedDense, compute.OpTypeQuantizedEmbeddingLookup,
	compute.OpTypeAllReduce, compute.OpTypeCollectiveBroadcast, compute.OpTypeAllGather,
	compute.OpTypeBlockForDotGeneral,
)

func setOf[K comparable](keys ...K) map[K]bool {
	set := make(map[K]bool)
	for _, k := range keys {
		set[k] = true
	}
	return set
}

func supportedOperations() map[compute.OpType]bool {
	set := make(map[compute.OpType]bool)
	for op := range compute.OpTypeLast {
		set[op] = !leftOut[op]
	}
	return set
}
