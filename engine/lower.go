package engine

import (
	"github.com/gomlx/compute"
	"github.com/pkg/errors"

	"github.com/alike-ml/alike/engine/plan"
)

// kernelFunc does a node's work: it reads the node's inputs and writes its outputs, as they lie in memory.
type kernelFunc func(b *Backend, in, out [][]byte)

// lower returns the kernel call of a node, and which inputs' memory its outputs may overwrite. Nodes without work have no kernel.
func lower(b *Backend, n *plan.Node) (run kernelFunc, reuse []plan.Reuse, err error) {
	overFirst := []plan.Reuse{{Output: 0, Input: 0}}
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeCapturedValue, compute.OpTypeConstant:
		return nil, nil, nil
	case plan.OpLoop:
		l := newLoop(n)
		return l.run, l.reuse(), nil
	case plan.OpCopy:
		return kernelCopy, nil, nil
	case compute.OpTypeIota:
		return kernelIota(n), nil, nil
	case compute.OpTypeTranspose:
		return kernelTranspose(n), nil, nil
	case compute.OpTypeReverse:
		return kernelReverse(n), nil, nil
	case compute.OpTypeSlice:
		return kernelSlice(n), nil, nil
	case compute.OpTypeConcatenate:
		return kernelConcatenate(n), nil, nil
	case compute.OpTypePad:
		return kernelPad(n), nil, nil
	case compute.OpTypeDynamicSlice:
		return kernelDynamicSlice(n), nil, nil
	case compute.OpTypeDynamicUpdateSlice:
		return kernelDynamicUpdateSlice(n), overFirst, nil
	case compute.OpTypeGather:
		return kernelGather(n), nil, nil
	case compute.OpTypeScatterSum, compute.OpTypeScatterMax, compute.OpTypeScatterMin:
		return kernelScatter(n), overFirst, nil
	case compute.OpTypeArgMinMax:
		return kernelArgMinMax(n), nil, nil
	case compute.OpTypeCumSum:
		return kernelCumSum(n), nil, nil
	case compute.OpTypeReduceWindow:
		return widened(n, kernelReduceWindow), nil, nil
	case compute.OpTypeSelectAndScatterMax, compute.OpTypeSelectAndScatterMin:
		return widened(n, kernelSelectAndScatter), nil, nil
	case compute.OpTypeDotGeneral:
		return kernelDot(n), nil, nil
	case compute.OpTypeConvGeneral:
		return kernelConv(n), nil, nil
	case plan.OpConvInputGrad:
		return kernelConvGrad(n, convInputGrad), nil, nil
	case plan.OpConvWeightGrad:
		return kernelConvGrad(n, convWeightGrad), nil, nil
	case compute.OpTypeBatchNormForTraining, compute.OpTypeBatchNormForInference, plan.OpBatchNormReLU:
		return kernelBatchNorm(n), overFirst, nil
	case compute.OpTypeBatchNormGradient, plan.OpBatchNormReLUGradient:
		return kernelBatchNorm(n), []plan.Reuse{{Output: 0, Input: 4}}, nil
	case compute.OpTypeFusedSoftmax:
		return widened(n, kernelSoftmax), overFirst, nil
	case compute.OpTypeFusedLayerNorm:
		return widened(n, kernelLayerNorm), overFirst, nil
	case plan.OpLayerNorm:
		return kernelLayerNormTrain(n), overFirst, nil
	case plan.OpLayerNormGrad:
		return kernelLayerNormGrad(n), []plan.Reuse{{Output: 0, Input: 1}}, nil
	case compute.OpTypeFusedAttentionQKVProjection:
		return widened(n, kernelProjection), nil, nil
	case compute.OpTypeFusedScaledDotProductAttention:
		return kernelAttention(n), nil, nil
	case compute.OpTypeFusedScaledDotProductAttentionVJP:
		return kernelAttentionGrad(n), nil, nil
	case compute.OpTypeRNGBitGenerator:
		return kernelRNG(n), overFirst, nil
	}
	if plan.IsAlias(n) {
		return nil, nil, nil
	}
	return nil, nil, errors.WithMessage(notImplemented(n.Op), "in a plan")
}
