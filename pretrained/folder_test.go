package pretrained_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/safetensors"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
)

// values are a store's variables by path.
func values(t testing.TB, store *model.Store) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for v := range store.IterVariables() {
		all[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
	}
	return all
}

// readTensors reads all of a file.
func readTensors(t testing.TB, path string) []safetensors.Tensor {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := safetensors.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var list []safetensors.Tensor
	for _, info := range opened.Tensors {
		tensor, err := opened.Read(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tensor)
	}
	return list
}

func writeTensors(t testing.TB, path string, list []safetensors.Tensor) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := safetensors.Write(file, list, nil); err != nil {
		t.Fatal(err)
	}
}

// copied is a copy of a folder of testdata.
func copied(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit changes settings of a file; nil removes one.
func edit(t testing.TB, path string, changes map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{}
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	for key, value := range changes {
		settings[key] = value
		if value == nil {
			delete(settings, key)
		}
	}
	if text, err = json.Marshal(settings); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// BertModel's names, those of a model with something on top, and those that TensorFlow's files had, hold one encoder.
func TestNamesOfEveryAgeAreRead(t *testing.T) {
	_, store := load(t, "testdata/bert")
	want := values(t, store)
	if slices.ContainsFunc(readTensors(t, "testdata/bert/model.safetensors"), func(t safetensors.Tensor) bool { return strings.HasPrefix(t.Name, "pooler.") }) == false {
		t.Error("the folder has no pooler: this test shows less than it could")
	}
	old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")
	for what, change := range map[string]func(safetensors.Tensor) []safetensors.Tensor{
		"with a prefix": func(t safetensors.Tensor) []safetensors.Tensor {
			t.Name = "bert." + t.Name
			return []safetensors.Tensor{t}
		},
		"gamma and beta": func(t safetensors.Tensor) []safetensors.Tensor {
			t.Name = "bert." + old.Replace(t.Name)
			return []safetensors.Tensor{t}
		},
		"without a pooler": func(t safetensors.Tensor) []safetensors.Tensor {
			if strings.HasPrefix(t.Name, "pooler.") {
				return nil
			}
			return []safetensors.Tensor{t}
		},
		"with a language model on top": func(t safetensors.Tensor) []safetensors.Tensor {
			more := safetensors.FromFloat32("cls.predictions."+t.Name, t.Shape, make([]float32, len(t.Data)/4))
			t.Name = "bert." + t.Name
			return []safetensors.Tensor{t, more}
		},
		"with positions in a buffer": func(t safetensors.Tensor) []safetensors.Tensor {
			if t.Name != "embeddings.position_embeddings.weight" {
				return []safetensors.Tensor{t}
			}
			return []safetensors.Tensor{t, {Name: "embeddings.position_ids", DType: safetensors.I64, Shape: []int{1, 1}, Data: make([]byte, 8)}}
		},
	} {
		dir := copied(t, "bert")
		path := filepath.Join(dir, "model.safetensors")
		var changed []safetensors.Tensor
		for _, tensor := range readTensors(t, path) {
			changed = append(changed, change(tensor)...)
		}
		writeTensors(t, path, changed)
		_, store := load(t, dir)
		if diff := cmp.Diff(want, values(t, store)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

// Whether names of CLIP's encoder of texts have a prefix depends on the version of transformers. A projection is read where it is there.
func TestCLIPsNamesOfEveryAgeAreRead(t *testing.T) {
	folder, store := load(t, "testdata/clip_text")
	if folder.Projection != 0 {
		t.Error("there is a projection")
	}
	want := values(t, store)
	dir := copied(t, "clip_text")
	path := filepath.Join(dir, "model.safetensors")
	list := readTensors(t, path)
	if slices.ContainsFunc(list, func(t safetensors.Tensor) bool { return strings.HasPrefix(t.Name, "text_model.") }) {
		t.Error("names have a prefix: this test shows less than it could")
	}
	for i := range list {
		list[i].Name = "text_model." + list[i].Name
	}
	list = append(list, safetensors.Tensor{Name: "text_model.embeddings.position_ids", DType: safetensors.I64, Shape: []int{1, 1}, Data: make([]byte, 8)})
	writeTensors(t, path, list)
	_, store = load(t, dir)
	if diff := cmp.Diff(want, values(t, store)); diff != "" {
		t.Errorf("with a prefix: %s", diff)
	}
	writeTensors(t, path, append(list, safetensors.FromFloat32("text_projection.weight", []int{12, 16}, make([]float32, 12*16))))
	if folder, _ = load(t, dir); folder.Projection != 12 {
		t.Errorf("a projection of %d, want 12", folder.Projection)
	}
}

// In old configurations of CLIP what counts stands in text_config_dict.
func TestOlderSettingsOfCLIPAreRead(t *testing.T) {
	dir := copied(t, "clip")
	path := filepath.Join(dir, "config.json")
	folder, err := pretrained.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &whole)
	}
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, map[string]any{"text_config": map[string]any{"vocab_size": 9}, "text_config_dict": whole["text_config"]})
	again, err := pretrained.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(folder.Model, again.Model); diff != "" {
		t.Error(diff)
	}
}

// The vector of a text of CLIP's is at its end, so that a tokenizer must put it there.
func TestTokenizersMustEndTextsWhereTheirVectorsAre(t *testing.T) {
	for _, c := range []struct {
		folder string
		ids    []int32
		suits  bool
	}{
		{"clip", []int32{62, 1, 63}, true}, {"clip", []int32{62, 1, 62}, false}, {"clip", nil, false},
		{"clip_text", []int32{5, 1, 7}, true}, {"clip_text", []int32{5, 1, 2}, false}, // the highest id, whatever it is
	} {
		folder, err := pretrained.Open(filepath.Join("testdata", c.folder))
		if err != nil {
			t.Fatal(err)
		}
		err = folder.Suits(func(string, int) []int32 { return c.ids })
		if (err == nil) != c.suits || err != nil && !strings.Contains(err.Error(), "testdata/clip") {
			t.Errorf("%s, %v: error %v", c.folder, c.ids, err)
		}
	}
}

// A tokenizer belongs to an encoder that has a vector for each of its tokens, and hardly more. That of other words, with fewer of them,
// would make vectors that mean nothing.
func TestTokenizersOfAnotherSizeAreRefused(t *testing.T) {
	encoder, err := backbone.NewText("minilm", 30528)
	if err != nil {
		t.Fatal(err)
	}
	folder := pretrained.Folder{Model: pretrained.Model{Encoder: encoder}}
	for tokens, suits := range map[int]bool{30528: true, 30522: true, 30401: true, 30400: false, 595: false, 30529: false} {
		for _, err := range []error{folder.SuitsSize(tokens), pretrained.SameTokens(30528, tokens)} {
			if (err == nil) != suits {
				t.Errorf("%d tokens for 30,528 vectors: error %v", tokens, err)
			}
		}
	}
}

// model2vec's files hold StaticEmbedding's table under another name, and sometimes more, which is not left out in silence.
func TestStaticEmbeddingsOfModel2vecAreRead(t *testing.T) {
	_, store := load(t, "testdata/static")
	dir := copied(t, "static")
	path := filepath.Join(dir, "model.safetensors")
	list := readTensors(t, path)
	list[0].Name = "embeddings"
	writeTensors(t, path, list)
	_, renamed := load(t, dir)
	if diff := cmp.Diff(values(t, store), values(t, renamed)); diff != "" {
		t.Error(diff)
	}
	writeTensors(t, path, append(list, safetensors.FromFloat32("weights", []int{15}, make([]float32, 15))))
	if _, err := pretrained.Open(dir); err == nil || !strings.Contains(err.Error(), "unexpected: weights") {
		t.Errorf("error %v", err)
	}
}

// Settings and weights come back, in folders of sentence-transformers; weights of 16 bits as float32. What RoBERTa has in front of its
// first position, which no text sees, is gone.
func TestSavedFoldersComeBack(t *testing.T) {
	for _, name := range []string{"bert", "roberta", "distilbert", "sentence", "static"} {
		folder, store := load(t, filepath.Join("testdata", name))
		m := folder.Model
		if m.Pooling == "" {
			m.Pooling, m.MaxLength, m.Normalize = backbone.PoolMean, 5, true
		}
		dir := filepath.Join(t.TempDir(), "saved")
		told := ""
		if err := m.Save(dir, store.RootScope().At("encoder"), func(dir string) error { told = dir; return copyTokenizer(folder)(dir) }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, restored := load(t, dir)
		if told != again.TokenizerDir {
			t.Errorf("%s: the tokenizer was to be saved in %s, and is looked for in %s", name, told, again.TokenizerDir)
		}
		want := values(t, store)
		if name == "distilbert" { // there is no BERT without types
			m.Encoder.Transformer.Types = 1
			want["/encoder/embeddings/types"] = make([]float32, 16)
		}
		if diff := cmp.Diff(m, again.Model) + cmp.Diff(want, values(t, restored)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Weights that are kept beside vectors, learned ones and those by rarity, are in the vectors that others read.
func TestWeightsOfTokensAreSavedInTheirVectors(t *testing.T) {
	s := backbone.Static{Width: 2, Vocabulary: 3, Weights: true, Rarity: backbone.RaritySIF}
	store := model.NewStore()
	for path, value := range map[string]*tensors.Tensor{"/e/words": tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4, 5, 6}, 3, 2),
		"/e/weights": tensors.FromFlatDataAndDimensions([]float32{1, 0.5, -2}, 3), "/e/rarity": tensors.FromFlatDataAndDimensions([]float32{2, 1, 0.5}, 3)} {
		if _, err := store.CreateVariable(path, value); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	m := pretrained.Model{Encoder: backbone.TextConfig{Static: &s}, Pooling: backbone.PoolMean}
	if err := m.Save(dir, store.RootScope().At("e"), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, restored := load(t, dir)
	if diff := cmp.Diff(map[string][]float32{"/encoder/words": {2, 4, 1.5, 2, -5, -6}}, values(t, restored)); diff != "" {
		t.Error(diff)
	}
}

// An encoder that was never loaded has every variable that its folder needs, and no other.
func TestFoldersHoldWhatEncodersHave(t *testing.T) {
	for _, dir := range []string{"testdata/bert", "testdata/distilbert", "testdata/sentence", "testdata/static", "testdata/clip_text", "testdata/clip", "testdata/open_clip"} {
		folder, loaded := load(t, dir)
		store := model.NewStore()
		nn.SetSeed(store, 1)
		run(t, "go", store, folder.Model, readGolden(t, dir))
		want, got := slices.Sorted(maps.Keys(values(t, store))), slices.Sorted(maps.Keys(values(t, loaded)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

func TestLengthsOfTexts(t *testing.T) {
	for _, c := range []struct {
		name            string
		own, tokenizers any
		want            int
	}{
		{"the module's", 4, 3, 4}, {"the tokenizer's", nil, 3, 3}, {"no limit", nil, 1e30, 9}, {"none given", nil, nil, 9}, {"more than there are positions", 100, nil, 9},
	} {
		dir := copied(t, "sentence")
		edit(t, filepath.Join(dir, "sentence_bert_config.json"), map[string]any{"max_seq_length": c.own})
		edit(t, filepath.Join(dir, "tokenizer_config.json"), map[string]any{"model_max_length": c.tokenizers})
		folder, err := pretrained.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if folder.MaxLength != c.want {
			t.Errorf("%s: texts have %d tokens, want %d", c.name, folder.MaxLength, c.want)
		}
	}
}

// Pooling is named since version 5.4 of sentence-transformers; it was a switch for each way.
func TestPoolingOfEveryAge(t *testing.T) {
	for _, c := range []struct {
		settings map[string]any
		want     backbone.Pooling
	}{
		{map[string]any{"pooling_mode": "mean"}, backbone.PoolMean},
		{map[string]any{"pooling_mode": []string{"cls"}}, backbone.PoolCLS},
		{map[string]any{"pooling_mode": nil, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}, backbone.PoolCLS},
		{map[string]any{"pooling_mode": nil, "pooling_mode_mean_tokens": true}, backbone.PoolMean},
		{map[string]any{"pooling_mode": nil}, backbone.PoolMean},
	} {
		dir := copied(t, "sentence")
		edit(t, filepath.Join(dir, "1_Pooling", "config.json"), c.settings)
		folder, err := pretrained.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if folder.Pooling != c.want {
			t.Errorf("%v: %s, want %s", c.settings, folder.Pooling, c.want)
		}
	}
}

// Whatever is wrong with a folder is told in one line that names the file.
func TestUnfitFolders(t *testing.T) {
	config := func(changes map[string]any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { edit(t, filepath.Join(dir, "config.json"), changes) }
	}
	change := func(f func([]safetensors.Tensor) []safetensors.Tensor) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "model.safetensors")
			writeTensors(t, path, f(readTensors(t, path)))
		}
	}
	without := func(names ...string) func(t *testing.T, dir string) {
		return change(func(list []safetensors.Tensor) []safetensors.Tensor {
			return slices.DeleteFunc(list, func(t safetensors.Tensor) bool { return slices.Contains(names, t.Name) })
		})
	}
	modules := func(text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { write(t, filepath.Join(dir, "modules.json"), text) }
	}
	const key = "encoder.layer.0.attention.self.key.weight"
	// text changes what a whole CLIP's settings say of its encoder of texts.
	text := func(key string, value any) func(t *testing.T, dir string) {
		settings := map[string]any{"vocab_size": 64, "hidden_size": 16, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
			"max_position_embeddings": 9, "eos_token_id": 63}
		settings[key] = value
		return config(map[string]any{"text_config": settings})
	}
	for _, c := range []struct {
		name, folder string
		spoil        func(t *testing.T, dir string)
		want         []string
	}{
		{"another kind", "bert", config(map[string]any{"model_type": "mpnet"}), []string{"config.json", "mpnet", "bert, roberta"}},
		{"no kind", "bert", config(map[string]any{"model_type": nil}), []string{"config.json", "model_type is missing"}},
		{"another activation", "bert", config(map[string]any{"hidden_act": "gelu_new"}), []string{"config.json", "gelu_new"}},
		{"relative positions", "bert", config(map[string]any{"position_embedding_type": "relative_key"}), []string{"config.json", "relative_key"}},
		{"a decoder", "bert", config(map[string]any{"is_decoder": true}), []string{"config.json", "decoder"}},
		{"heads that do not divide", "bert", config(map[string]any{"num_attention_heads": 3}), []string{"config.json", "multiple of the 3 heads"}},
		{"layers out of all measure", "bert", config(map[string]any{"num_hidden_layers": 1 << 40}), []string{"config.json", "layers"}},
		{"padding below 0", "roberta", config(map[string]any{"pad_token_id": -2}), []string{"config.json", "pad_token_id is -2"}},
		{"padding behind all positions", "roberta", config(map[string]any{"pad_token_id": 100}), []string{"config.json", "positions is -90"}},
		{"no object", "bert", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "config.json"), "[]") }, []string{"config.json"}},
		{"a huge configuration", "bert", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "config.json"), strings.Repeat(" ", 1<<21))
		}, []string{"config.json", "2097152 bytes"}},
		{"missing tensors", "bert", without(key, "embeddings.LayerNorm.bias"), []string{"model.safetensors", "missing: embeddings.LayerNorm.bias, " + key}},
		{"fewer layers", "bert", config(map[string]any{"num_hidden_layers": 1}), []string{"model.safetensors", "unexpected: encoder.layer.1.", "encoder.layer.1.output.dense.weight"}},
		{"another width", "bert", config(map[string]any{"intermediate_size": 25}), []string{"model.safetensors", "encoder.layer.0.intermediate.dense.weight is [24 16], not [25 16]", "encoder.layer.1.output.dense.weight is [16 24], not [16 25]"}},
		{"another vocabulary", "bert", config(map[string]any{"vocab_size": 16}), []string{"model.safetensors", "embeddings.word_embeddings.weight is [15 16], not [16 16]"}},
		{"integers", "bert", change(func(list []safetensors.Tensor) []safetensors.Tensor {
			i := slices.IndexFunc(list, func(t safetensors.Tensor) bool { return t.Name == key })
			list[i].DType = safetensors.I32
			return list
		}), []string{"model.safetensors", key + " holds I32"}},
		{"not finite", "bert", change(func(list []safetensors.Tensor) []safetensors.Tensor {
			i := slices.IndexFunc(list, func(t safetensors.Tensor) bool { return t.Name == key })
			copy(list[i].Data, []byte{0, 0, 0xc0, 0x7f})
			return list
		}), []string{"model.safetensors", key, "not finite"}},
		{"truncated", "bert", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 9000); err != nil {
				t.Fatal(err)
			}
		}, []string{"model.safetensors"}},
		{"pickled weights", "bert", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "pytorch_model.bin")); err != nil {
				t.Fatal(err)
			}
		}, []string{"pytorch_model.bin", "save_pretrained"}},
		{"several files", "bert", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "model.safetensors.index.json")); err != nil {
				t.Fatal(err)
			}
		}, []string{"model.safetensors.index.json", "max_shard_size"}},
		{"an unknown module", "sentence", modules(`[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "1_Pooling", "type": "a.LSTM"}]`), []string{"modules.json", "module 1 is a.LSTM"}},
		{"two norms", "sentence", modules(`[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}, {"path": "3_Normalize", "type": "a.Normalize"}, {"path": "3_Normalize", "type": "a.Normalize"}]`), []string{"modules.json", "module 3 is a.Normalize"}},
		{"no pooling", "sentence", modules(`[{"path": "", "type": "a.Transformer"}]`), []string{"modules.json", "no encoder with its pooling"}},
		{"no modules", "sentence", modules(`[]`), []string{"modules.json", "no encoder"}},
		{"a module elsewhere", "sentence", modules(`[{"path": "../bert", "type": "a.Transformer"}]`), []string{"modules.json", "outside the folder"}},
		{"the largest of each number", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "1_Pooling", "config.json"), map[string]any{"pooling_mode": "max"})
		}, []string{"1_Pooling", `"max"`, "cls, mean or last"}},
		{"two ways of pooling", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "1_Pooling", "config.json"), map[string]any{"pooling_mode": []string{"cls", "mean"}})
		}, []string{"1_Pooling", "cls+mean"}},
		{"a layer without tanh", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "2_Dense", "config.json"), map[string]any{"activation_function": "torch.nn.modules.linear.Identity"})
		}, []string{"2_Dense", "tanh"}},
		{"a layer that narrows", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "2_Dense", "config.json"), map[string]any{"out_features": 8})
		}, []string{"2_Dense", "width of 16"}},
		{"a prompt", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "config_sentence_transformers.json"), map[string]any{"prompts": map[string]string{"query": "query: "}, "default_prompt_name": "query"})
		}, []string{"config_sentence_transformers.json", `"query: "`}},
		{"no length", "sentence", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "sentence_bert_config.json"), map[string]any{"max_seq_length": 0})
		}, []string{"cut to 0 tokens"}},
		{"CLIP with another activation", "clip_text", config(map[string]any{"hidden_act": "gelu_new"}), []string{"config.json", "gelu_new", "quick_gelu and gelu"}},
		{"CLIP with MLPs of another width", "clip", text("intermediate_size", 32), []string{"config.json", "intermediate_size is 32", "four times"}},
		{"CLIP without blocks", "clip", text("num_hidden_layers", 0), []string{"config.json", "layers is 0"}},
		{"CLIP without an end", "clip", text("eos_token_id", -1), []string{"config.json", "eos_token_id is -1"}},
		{"CLIP with words for numbers", "clip", text("hidden_size", "wide"), []string{"config.json", "text_config"}},
		{"CLIP with more positions", "clip", text("max_position_embeddings", 77), []string{"model.safetensors", "text_model.embeddings.position_embedding.weight is [9 16], not [77 16]"}},
		{"CLIP with more blocks", "clip_text", config(map[string]any{"num_hidden_layers": 3}), []string{"model.safetensors", "missing: encoder.layers.2.self_attn.q_proj.weight"}},
		{"CLIP with fewer blocks", "clip_text", config(map[string]any{"num_hidden_layers": 1}), []string{"model.safetensors", "unexpected: encoder.layers.1."}},
		{"CLIP without its norm", "clip", without("text_model.final_layer_norm.bias"), []string{"model.safetensors", "missing: text_model.final_layer_norm.bias"}},
		{"CLIP without its projection", "clip", without("text_projection.weight"), []string{"model.safetensors", "missing: text_projection.weight"}},
		{"no projection where there is to be one", "clip_projection", without("text_projection.weight"), []string{"model.safetensors", "missing: text_projection.weight"}},
		{"a projection of another width", "clip", config(map[string]any{"projection_dim": 13}), []string{"model.safetensors", "text_projection.weight is [12 16], not [13 16]"}},
		{"a projection to nothing", "clip", config(map[string]any{"projection_dim": 0}), []string{"config.json", "projection_dim is 0"}},
		{"CLIP as a module", "clip", modules(`[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]`), []string{"cannot be read as a module"}},
		{"a table of three axes", "static", change(func(list []safetensors.Tensor) []safetensors.Tensor {
			list[0].Shape = append(list[0].Shape, 1)
			return list
		}), []string{"model.safetensors", "two axes"}},
		{"no table", "static", change(func(list []safetensors.Tensor) []safetensors.Tensor {
			list[0].Name = "weight"
			return list
		}), []string{"model.safetensors", "embedding.weight"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, c.folder)
			c.spoil(t, dir)
			folder, err := pretrained.Open(dir)
			if err == nil {
				err = folder.Assign(model.NewStore().RootScope().At("encoder"))
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if text := err.Error(); !strings.Contains(text, want) || !strings.Contains(text, dir) || strings.Contains(text, "\n") {
					t.Errorf("error %q, want one line on %s that says %q", text, dir, want)
				}
			}
		})
	}
	for name, dir := range map[string]string{"no folder": "testdata/none", "an empty folder": t.TempDir()} {
		if _, err := pretrained.Open(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What cannot be saved is refused before the folder is a model.
func TestSaveRefuses(t *testing.T) {
	folder, store := load(t, "testdata/bert")
	scope := store.RootScope().At("encoder")
	s, clip := backbone.NewStatic(3), backbone.NewCLIPText(1, 64, 3)
	failing := errors.New("no tokenizer")
	none := func(string) error { return nil }
	for _, c := range []struct {
		name      string
		model     pretrained.Model
		tokenizer func(string) error
		want      string
	}{
		{"no encoder", pretrained.Model{Pooling: backbone.PoolCLS}, none, "transformer, static or clip"},
		{"no pooling", folder.Model, none, "pooling"},
		{"static with cls", pretrained.Model{Encoder: backbone.TextConfig{Static: &s}, Pooling: backbone.PoolCLS}, none, "mean only"},
		{"clip", pretrained.Model{Encoder: backbone.TextConfig{CLIP: &clip}, Pooling: backbone.PoolLast}, none, "only BERT's transformer and the static encoder"},
		{"the last token", pretrained.Model{Encoder: folder.Encoder, Pooling: backbone.PoolLast}, none, "last token"},
		{"no variables", pretrained.Model{Encoder: backbone.TextConfig{Static: &s}, Pooling: backbone.PoolMean}, none, "no variable /encoder/words"},
		{"no dense layer", pretrained.Model{Encoder: folder.Encoder, Pooling: backbone.PoolCLS, Dense: true}, none, "no variable /encoder/dense/weights"},
		{"the tokenizer fails", pretrained.Model{Encoder: folder.Encoder, Pooling: backbone.PoolCLS}, func(string) error { return failing }, failing.Error()},
	} {
		dir := filepath.Join(t.TempDir(), "model")
		if err := c.model.Save(dir, scope, c.tokenizer); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "modules.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there is a model", c.name)
		}
	}
}

// Whatever the settings are, reading them neither panics nor says more than a line.
func FuzzSettings(f *testing.F) {
	names := []string{"config.json", "modules.json", "1_Pooling/config.json", "2_Dense/config.json", "sentence_bert_config.json"}
	for _, path := range []string{"testdata/bert/config.json", "testdata/roberta/config.json", "testdata/distilbert/config.json", "testdata/sentence/modules.json", "testdata/sentence/1_Pooling/config.json",
		"testdata/clip/config.json", "testdata/clip_text/config.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for i := range names {
			f.Add(uint8(i), text)
		}
	}
	f.Add(uint8(0), []byte(`{"model_type": "roberta", "pad_token_id": 9223372036854775807, "type_vocab_size": -1}`))
	f.Add(uint8(1), []byte(`null`))
	dir := copied(f, "sentence")
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		name := names[int(which)%len(names)]
		path := filepath.Join(dir, name)
		write(t, path, string(text))
		if _, err := pretrained.Open(dir); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: an error of several lines: %v", name, err)
		}
		whole, err := os.ReadFile(filepath.Join("testdata/sentence", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(whole))
	})
}
