package pretrained

import (
	"fmt"

	"github.com/alike-ml/alike/backbone"
)

// family says how the tensors of a kind of transformer are called in its files.
type family struct {
	// prefixes may stand in front of every name: those of models with something on top have one.
	prefixes []string
	// others begin the names of what is on top of the encoder, or can be worked out, and is not read.
	others []string
	// words, positions and types are tables of embeddings; "" for none. norm is behind them, in CLIP behind the blocks. skipped is how many
	// positions no text has.
	words, positions, types, norm string
	skipped                       int
	// block is in front of a block's names, with its number. attentionNorm and outNorm are its first and second norm.
	block                                                    string
	query, key, value, out, attentionNorm, up, down, outNorm string
	// packed is in front of _weight and _bias where query, key and value are one tensor; "" where they are three.
	packed string
}

// What stands on top of encoders in files of models for other tasks, and buffers that older files hold.
var onTop = []string{"pooler.", "cls.", "lm_head.", "classifier.", "pre_classifier.", "qa_outputs.", "vocab_transform.", "vocab_layer_norm.",
	"vocab_projector.", "embeddings.position_ids", "embeddings.token_type_ids"}

var (
	// bertNames are those of modeling_bert.py.
	bertNames = family{
		prefixes: []string{"", "bert."}, others: onTop,
		words: "embeddings.word_embeddings", positions: "embeddings.position_embeddings", types: "embeddings.token_type_embeddings",
		norm: "embeddings.LayerNorm", block: "encoder.layer.%d.",
		query: "attention.self.query", key: "attention.self.key", value: "attention.self.value", out: "attention.output.dense",
		attentionNorm: "attention.output.LayerNorm", up: "intermediate.dense", down: "output.dense", outNorm: "output.LayerNorm",
	}
	// robertaNames are those of modeling_roberta.py: BERT's, under another prefix.
	robertaNames = func() family {
		names := bertNames
		names.prefixes = []string{"", "roberta."}
		return names
	}()
	// distilNames are those of modeling_distilbert.py.
	distilNames = family{
		prefixes: []string{"", "distilbert."}, others: onTop,
		words: "embeddings.word_embeddings", positions: "embeddings.position_embeddings", norm: "embeddings.LayerNorm",
		block: "transformer.layer.%d.",
		query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", out: "attention.out_lin",
		attentionNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", outNorm: "output_layer_norm",
	}
	// clipNames are those of modeling_clip.py. Files of a whole CLIP have the encoder of pictures too.
	clipNames = family{
		prefixes: []string{"", "text_model."},
		others:   []string{"vision_model.", "visual_projection.", "logit_scale", projectionName, "embeddings.position_ids"},
		words:    "embeddings.token_embedding", positions: "embeddings.position_embedding", norm: "final_layer_norm",
		block: "encoder.layers.%d.",
		query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj", out: "self_attn.out_proj",
		attentionNorm: "layer_norm1", up: "mlp.fc1", down: "mlp.fc2", outNorm: "layer_norm2",
	}
	// visionNames are those of CLIP's encoder of pictures in the same files. The blocks are the same.
	visionNames = func() family {
		names := clipNames
		names.prefixes = []string{""}
		names.others = []string{"text_model.", "text_projection.", "visual_projection.", "logit_scale", "vision_model.embeddings.position_ids"}
		names.words, names.positions, names.norm = "", "vision_model.embeddings.position_embedding", "vision_model.post_layernorm"
		names.block = "vision_model." + clipNames.block
		return names
	}()
)

// sources says where the variables of a transformer come from.
func (f family) sources(t backbone.Transformer) []source {
	list := []source{
		table("embeddings/words", f.words, t.Vocabulary, t.Width, 0), table("embeddings/positions", f.positions, t.Positions, t.Width, f.skipped),
	}
	if t.Types > 0 {
		list = append(list, table("embeddings/types", f.types, t.Types, t.Width, 0))
	}
	list = append(list, norm("embeddings/norm", f.norm, t.Width)...)
	return append(list, f.blocks(t.Layers, t.Width, t.Feedforward)...)
}

// clipSources says the same of CLIP's.
func (f family) clipSources(t backbone.CLIPText) []source {
	list := []source{table("words", f.words, t.Vocabulary, t.Width, 0), table("positions", f.positions, t.Positions, t.Width, 0)}
	list = append(list, f.blocks(t.Layers, t.Width, t.Feedforward())...)
	return append(list, norm("norm", f.norm, t.Width)...)
}

// visionSources says the same of CLIP's encoder of pictures.
func (f family) visionSources(v backbone.CLIPImage) []source {
	list := []source{
		patches(v, "vision_model.embeddings.patch_embedding.weight"),
		bare("class", "vision_model.embeddings.class_embedding", v.Width),
		table("positions", f.positions, 1+v.Grid*v.Grid, v.Width, 0),
	}
	list = append(list, norm("norm_before", "vision_model.pre_layrnorm", v.Width)...) // the layer is spelled so
	list = append(list, f.blocks(v.Layers, v.Width, v.Feedforward)...)
	return append(list, norm("norm", f.norm, v.Width)...)
}

// blocks are the sources of the blocks of a transformer.
func (f family) blocks(layers, width, feedforward int) (list []source) {
	for i := range layers {
		block, variable := fmt.Sprintf(f.block, i), fmt.Sprintf("block_%d/", i)
		if f.packed != "" {
			list = append(list, packed(variable+"attention/qkv", width, block+f.packed)...)
		} else {
			list = append(list, dense(variable+"attention/qkv", width, width, block+f.query, block+f.key, block+f.value)...)
		}
		list = append(list, dense(variable+"attention/out", width, width, block+f.out)...)
		list = append(list, norm(variable+"norm_1", block+f.attentionNorm, width)...)
		list = append(list, dense(variable+"up", width, feedforward, block+f.up)...)
		list = append(list, dense(variable+"down", feedforward, width, block+f.down)...)
		list = append(list, norm(variable+"norm_2", block+f.outNorm, width)...)
	}
	return list
}

// patches is the source of a vision transformer's map of patches.
func patches(v backbone.CLIPImage, name string) source {
	return source{variable: "patches/weights", shape: []int{v.Patch * v.Patch * 3, v.Width}, tensors: []string{name}, patch: v.Patch}
}

// table is the source of embeddings, of which the tensor has some more in front.
func table(variable, name string, rows, width, skipped int) source {
	return source{variable: variable, shape: []int{rows, width}, tensors: []string{name + ".weight"}, skipped: skipped}
}

// norm are the sources of a layer norm. Files made from TensorFlow's call them gamma and beta.
func norm(variable, name string, width int) []source {
	return []source{
		{variable: variable + "/scale", shape: []int{width}, tensors: []string{name + ".weight"}, old: name + ".gamma"},
		{variable: variable + "/offset", shape: []int{width}, tensors: []string{name + ".bias"}, old: name + ".beta"},
	}
}

// dense are the sources of a dense layer, or of several on one input whose outputs lie side by side in ours.
func dense(variable string, in, out int, names ...string) []source {
	weights := source{variable: variable + "/weights", shape: []int{in, len(names) * out}, transposed: true}
	bias := source{variable: variable + "/bias", shape: []int{len(names) * out}}
	for _, name := range names {
		weights.tensors = append(weights.tensors, name+".weight")
		bias.tensors = append(bias.tensors, name+".bias")
	}
	return []source{weights, bias}
}

// packed are the sources of three dense layers of a width as PyTorch's MultiheadAttention has them.
func packed(variable string, width int, name string) []source {
	return []source{
		{variable: variable + "/weights", shape: []int{width, 3 * width}, tensors: []string{name + "_weight"}, transposed: true},
		{variable: variable + "/bias", shape: []int{3 * width}, tensors: []string{name + "_bias"}},
	}
}

// bare is the source of a variable whose tensor is as it is.
func bare(variable, name string, shape ...int) source {
	return source{variable: variable, shape: shape, tensors: []string{name}}
}
