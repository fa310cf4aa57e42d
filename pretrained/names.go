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
	// table are the embeddings of words, positions and types; "" for none. skipped is how many positions no text has.
	words, positions, types, norm string
	skipped                       int
	// block is in front of a block's names, with its number.
	block                                                    string
	query, key, value, out, attentionNorm, up, down, outNorm string
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
)

// sources says where the variables of a transformer come from.
func (f family) sources(t backbone.Transformer) []source {
	table := func(variable, name string, rows, skipped int) source {
		return source{variable: "embeddings/" + variable, shape: []int{rows, t.Width}, tensors: []string{name + ".weight"}, skipped: skipped}
	}
	list := []source{table("words", f.words, t.Vocabulary, 0), table("positions", f.positions, t.Positions, f.skipped)}
	if t.Types > 0 {
		list = append(list, table("types", f.types, t.Types, 0))
	}
	list = append(list, norm("embeddings/norm", f.norm, t.Width)...)
	for i := range t.Layers {
		block, variable := fmt.Sprintf(f.block, i), fmt.Sprintf("block_%d/", i)
		list = append(list, dense(variable+"attention/qkv", t.Width, t.Width, block+f.query, block+f.key, block+f.value)...)
		list = append(list, dense(variable+"attention/out", t.Width, t.Width, block+f.out)...)
		list = append(list, norm(variable+"norm_1", block+f.attentionNorm, t.Width)...)
		list = append(list, dense(variable+"up", t.Width, t.Feedforward, block+f.up)...)
		list = append(list, dense(variable+"down", t.Feedforward, t.Width, block+f.down)...)
		list = append(list, norm(variable+"norm_2", block+f.outNorm, t.Width)...)
	}
	return list
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
