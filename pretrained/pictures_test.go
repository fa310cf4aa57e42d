package pretrained_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/safetensors"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
)

const (
	clipDir     = "testdata/clip"
	openCLIPDir = "testdata/open_clip"
)

// goldenPictures is what transformers' CLIPModel makes of pixels, of the encoder's own size and of a larger one, and what open_clip makes of
// the former: bench/peers/encoders.py wrote it.
type goldenPictures struct {
	Pixels        [][]float32 `json:"pixels"`
	Vectors       [][]float64 `json:"vectors"`
	LargerPixels  [][]float32 `json:"larger_pixels"`
	LargerVectors [][]float64 `json:"larger_vectors"`
	Scale         float64     `json:"scale"`
}

func readGoldenPictures(t testing.TB, dir string) (g goldenPictures) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pictures.json"))
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil || len(g.Vectors) == 0 {
		t.Fatal(g, err)
	}
	return g
}

// loadPictures reads a folder's encoder of pictures into a new store.
func loadPictures(t testing.TB, dir string) (*pretrained.Pictures, *model.Store) {
	t.Helper()
	p, err := pretrained.OpenPictures(dir)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if err := p.Assign(store.RootScope().At("encoder")); err != nil {
		t.Fatal(err)
	}
	if err := p.AssignProjection(store.RootScope().At("projection")); err != nil {
		t.Fatal(err)
	}
	return p, store
}

// projected computes the projected vectors of pixels with the weights of a store.
func projected(t testing.TB, on string, store *model.Store, encoder backbone.CLIPImage, out int, pixels [][]float32) []float32 {
	t.Helper()
	b, err := device.Open(on)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		return nn.Dense(scope.At("projection"), encoder.Features(scope.At("encoder"), images), out, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	var flat []float32
	for _, row := range pixels {
		flat = append(flat, row...)
	}
	side := int(math.Sqrt(float64(len(pixels[0]) / 3)))
	vectors, err := exec.Call1(tensors.FromFlatDataAndDimensions(flat, len(pixels), side, side, 3))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](vectors)
}

// The encoder of pictures gives the vectors of transformers, with positions of its own and with resampled ones, and of open_clip.
func TestPicturesGiveTheReferencesVectors(t *testing.T) {
	ours, theirs := readGoldenPictures(t, clipDir), readGoldenPictures(t, openCLIPDir)
	for _, on := range []string{"go", "cpu"} {
		for _, c := range []struct {
			name, dir string
			scale     float64
			pixels    [][]float32
			want      [][]float64
		}{
			{"the encoder's size", clipDir, ours.Scale, ours.Pixels, ours.Vectors}, {"a larger size", clipDir, ours.Scale, ours.LargerPixels, ours.LargerVectors},
			{"open_clip", openCLIPDir, theirs.Scale, theirs.Pixels, theirs.Vectors},
		} {
			p, store := loadPictures(t, c.dir)
			if math.Abs(p.Scale-c.scale) > 1e-5*c.scale {
				t.Errorf("%s: the scale is %g, want %g", c.name, p.Scale, c.scale)
			}
			got := projected(t, on, store, p.Encoder, p.Projection, c.pixels)
			var largest float64
			for i, row := range c.want {
				for d, want := range row {
					largest = max(largest, math.Abs(float64(got[i*len(row)+d])-want))
				}
			}
			t.Logf("%s on %s: the largest difference is %.2g", c.name, on, largest)
			if len(c.want) == 0 || !(largest <= 1e-5) {
				t.Errorf("%s on %s: a difference of %g", c.name, on, largest)
			}
		}
	}
}

// An encoder that was never loaded has every variable that the folder needs, and no other.
func TestPicturesHoldWhatTheEncoderHas(t *testing.T) {
	shapes := func(store *model.Store) map[string]string {
		all := map[string]string{}
		for v := range store.IterVariables() {
			all[v.Path()] = v.Shape().String()
		}
		return all
	}
	for _, dir := range []string{clipDir, openCLIPDir} {
		p, loaded := loadPictures(t, dir)
		drawn := model.NewStore()
		nn.SetSeed(drawn, 1)
		projected(t, "go", drawn, p.Encoder, p.Projection, readGoldenPictures(t, dir).Pixels)
		if diff := cmp.Diff(shapes(drawn), shapes(loaded)); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
}

// In old configurations what counts stands in vision_config_dict; newer folders say in processor_config.json how pictures are prepared;
// sides were numbers before they were objects; and what is left out is as in transformers.
func TestOlderAndNewerFoldersOfCLIPAreRead(t *testing.T) {
	want, err := pretrained.OpenPictures(clipDir)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Vision map[string]any `json:"vision_config"`
	}
	var preprocessor map[string]any
	for name, value := range map[string]any{"config.json": &whole, "preprocessor_config.json": &preprocessor} {
		text, err := os.ReadFile(filepath.Join(clipDir, name))
		if err == nil {
			err = json.Unmarshal(text, value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(dir string){
		"vision_config_dict": func(dir string) {
			edit(t, filepath.Join(dir, "config.json"), map[string]any{"vision_config": map[string]any{"hidden_size": 99}, "vision_config_dict": whole.Vision})
		},
		"positions in a buffer": func(dir string) {
			path := filepath.Join(dir, "model.safetensors")
			buffer := safetensors.Tensor{Name: "vision_model.embeddings.position_ids", DType: safetensors.I64, Shape: []int{1, 1}, Data: make([]byte, 8)}
			writeTensors(t, path, append(readTensors(t, path), buffer))
		},
		"nothing older": func(dir string) {
			edit(t, filepath.Join(dir, "config.json"), map[string]any{"vision_config_dict": json.RawMessage("null")})
		},
		"numbers": func(dir string) {
			edit(t, filepath.Join(dir, "preprocessor_config.json"), map[string]any{"size": 8, "crop_size": 8})
		},
		"defaults": func(dir string) {
			write(t, filepath.Join(dir, "preprocessor_config.json"), `{"size": 8, "crop_size": 8}`)
		},
		"processor_config.json": func(dir string) {
			old := filepath.Join(dir, "preprocessor_config.json")
			if err := os.Remove(old); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(map[string]any{"image_processor": preprocessor, "processor_class": "CLIPProcessor"})
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "processor_config.json"), string(text))
		},
	} {
		dir := copied(t, "clip")
		change(dir)
		got, err := pretrained.OpenPictures(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Encoder != want.Encoder || got.Preparation != want.Preparation {
			t.Errorf("%s: %+v, %+v", name, got.Encoder, got.Preparation)
		}
	}
	if p := want.Preparation; p.Size != 8 || p.Shorter != 8 || !p.Bicubic || p.Mean[0] != 0.48145466 || p.Std[2] != 0.27577711 {
		t.Errorf("%+v", p)
	}
}

// Whatever is wrong with the encoder of pictures is told in one line that names the file.
func TestUnfitPictures(t *testing.T) {
	config := func(name string, changes map[string]any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { edit(t, filepath.Join(dir, name), changes) }
	}
	vision := func(key string, value any) func(t *testing.T, dir string) {
		settings := map[string]any{"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
		settings[key] = value
		return config("config.json", map[string]any{"vision_config": settings})
	}
	prepared := func(key string, value any) func(t *testing.T, dir string) {
		return config("preprocessor_config.json", map[string]any{key: value})
	}
	processor := func(text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "preprocessor_config.json")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "processor_config.json"), text)
		}
	}
	change := func(f func(safetensors.Tensor) []safetensors.Tensor) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "model.safetensors")
			var list []safetensors.Tensor
			for _, tensor := range readTensors(t, path) {
				list = append(list, f(tensor)...)
			}
			writeTensors(t, path, list)
		}
	}
	without := func(name string) func(t *testing.T, dir string) {
		return change(func(tensor safetensors.Tensor) []safetensors.Tensor {
			if tensor.Name == name {
				return nil
			}
			return []safetensors.Tensor{tensor}
		})
	}
	const patches = "vision_model.embeddings.patch_embedding.weight"
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  []string
	}{
		{"an encoder of texts alone", config("config.json", map[string]any{"model_type": "clip_text_model"}), []string{"config.json", "no encoder of pictures", "clip"}},
		{"another activation", vision("hidden_act", "gelu_new"), []string{"config.json", "vision_config", "gelu_new", "quick_gelu and gelu"}},
		{"gray pictures", vision("num_channels", 1), []string{"config.json", "num_channels is 1"}},
		{"no patch", vision("patch_size", 0), []string{"config.json", "patch_size 0"}},
		{"a patch larger than a picture", vision("patch_size", 9), []string{"config.json", "image_size is 8 and patch_size 9"}},
		{"heads that do not divide", vision("num_attention_heads", 3), []string{"config.json", "vision_config", "multiple of the 3 heads"}},
		{"words for numbers", vision("hidden_size", "wide"), []string{"config.json", "vision_config"}},
		{"a projection to nothing", config("config.json", map[string]any{"projection_dim": 0}), []string{"config.json", "projection_dim is 0"}},
		{"smaller patches", vision("patch_size", 2), []string{"model.safetensors", patches + " is [16 3 4 4], not [16 3 2 2]"}},
		{"larger pictures", vision("image_size", 12), []string{"model.safetensors", "vision_model.embeddings.position_embedding.weight is [5 16], not [10 16]"}},
		{"another width of MLPs", vision("intermediate_size", 32), []string{"model.safetensors", "vision_model.encoder.layers.0.mlp.fc1.weight is [24 16], not [32 16]"}},
		{"more blocks", vision("num_hidden_layers", 3), []string{"model.safetensors", "missing: vision_model.encoder.layers.2.self_attn.q_proj.weight"}},
		{"fewer blocks", vision("num_hidden_layers", 1), []string{"model.safetensors", "unexpected: vision_model.encoder.layers.1."}},
		{"no patches", without(patches), []string{"model.safetensors", "missing: " + patches}},
		{"no class", without("vision_model.embeddings.class_embedding"), []string{"model.safetensors", "missing: vision_model.embeddings.class_embedding"}},
		{"no norm in front", without("vision_model.pre_layrnorm.bias"), []string{"model.safetensors", "missing: vision_model.pre_layrnorm.bias"}},
		{"no projection", without("visual_projection.weight"), []string{"model.safetensors", "missing: visual_projection.weight"}},
		{"no scale", without("logit_scale"), []string{"model.safetensors", "missing: logit_scale"}},
		{"a projection of another width", config("config.json", map[string]any{"projection_dim": 13}), []string{"model.safetensors", "visual_projection.weight is [12 16], not [13 16]"}},
		{"a scale out of all measure", change(func(tensor safetensors.Tensor) []safetensors.Tensor {
			if tensor.Name == "logit_scale" {
				tensor = safetensors.FromFloat32(tensor.Name, nil, []float32{1e6})
			}
			return []safetensors.Tensor{tensor}
		}), []string{"model.safetensors", `"logit_scale" is 1e+06`}},
		{"names of open_clip", change(func(tensor safetensors.Tensor) []safetensors.Tensor {
			tensor.Name = strings.Replace(tensor.Name, "vision_model.", "visual.", 1)
			return []safetensors.Tensor{tensor}
		}), []string{"model.safetensors", "no tensor " + patches, "as OpenAI and open_clip call them", "open_clip_config.json"}},
		{"no preparation", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "preprocessor_config.json")); err != nil {
				t.Fatal(err)
			}
		}, []string{"no preprocessor_config.json", "CLIPImageProcessor"}},
		{"a processor that says nothing of pictures", processor(`{"processor_class": "CLIPProcessor"}`), []string{"processor_config.json has no image_processor", "CLIPProcessor"}},
		{"a processor whose part for pictures is null", processor(`{"image_processor": null}`), []string{"processor_config.json has no image_processor"}},
		{"a processor whose part for pictures is none", processor(`{"image_processor": 5}`), []string{"processor_config.json: image_processor: "}},
		{"a preparation that is none", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "preprocessor_config.json"), "[]") }, []string{"preprocessor_config.json"}},
		{"no crop", prepared("do_center_crop", false), []string{"preprocessor_config.json", "do_center_crop is false"}},
		{"no normalisation", prepared("do_normalize", false), []string{"preprocessor_config.json", "do_normalize is false"}},
		{"the nearest pixel", prepared("resample", 0), []string{"preprocessor_config.json", "resample is 0"}},
		{"values up to 255", prepared("rescale_factor", 1), []string{"preprocessor_config.json", "rescale_factor is 1:"}},
		{"squeezed pictures", prepared("size", map[string]int{"height": 8, "width": 8}), []string{"preprocessor_config.json", "size must be", "shortest_edge"}},
		{"a crop that is no square", prepared("crop_size", map[string]int{"height": 8, "width": 9}), []string{"preprocessor_config.json", "crop_size must be", "height and width"}},
		{"a crop of another size", config("preprocessor_config.json", map[string]any{"crop_size": 16, "size": 16}), []string{"preprocessor_config.json", "crop_size is 16", "image_size in config.json 8"}},
		{"a crop beyond the picture", prepared("size", 7), []string{"preprocessor_config.json", "crop_size is 8 and size 7"}},
		{"no size", prepared("size", 0), []string{"preprocessor_config.json", "size is 0"}},
		{"two means", prepared("image_mean", []int{0, 0}), []string{"preprocessor_config.json", "image_mean is [0 0]", "three"}},
		{"no deviation", prepared("image_std", []int{1, 0, 1}), []string{"preprocessor_config.json", "image_std is [1 0 1]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, "clip")
			c.spoil(t, dir)
			_, err := pretrained.OpenPictures(dir)
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
}

// A folder with the configurations of both layouts is of the one whose tensors it has.
func TestTheLayoutIsThatOfTheTensors(t *testing.T) {
	both := copied(t, "open_clip")
	text, err := os.ReadFile(filepath.Join(clipDir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(both, "config.json"), string(text))
	if p, err := pretrained.OpenPictures(both); err != nil || !p.Encoder.QuickGELU {
		t.Errorf("%+v, %v", p, err)
	}
	for _, name := range []string{"model.safetensors", "preprocessor_config.json"} {
		content, err := os.ReadFile(filepath.Join(clipDir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(both, name), string(content))
	}
	if p, err := pretrained.OpenPictures(both); err != nil || p.Encoder.QuickGELU {
		t.Errorf("%+v, %v", p, err)
	}
	if !pretrained.Is(openCLIPDir) || !pretrained.HasPictures(openCLIPDir) {
		t.Error("a folder of open_clip is taken for something else")
	}
}

// Whatever is wrong with a folder of open_clip is told in one line that names the file.
func TestUnfitFoldersOfOpenCLIP(t *testing.T) {
	// set changes a setting of a part of the configuration, and of the part as a whole where key is "".
	set := func(part, key string, value any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "open_clip_config.json")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var whole map[string]map[string]any
			if err := json.Unmarshal(text, &whole); err != nil {
				t.Fatal(err)
			}
			at := whole[part]
			if inner, ok := whole["model_cfg"][part].(map[string]any); ok {
				at = inner
			}
			at[key] = value
			if text, err = json.Marshal(whole); err != nil {
				t.Fatal(err)
			}
			write(t, path, string(text))
		}
	}
	const config, tensors = "open_clip_config.json", "open_clip_model.safetensors"
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  []string
	}{
		{"an encoder of timm", set("vision_cfg", "timm_model_name", "vit_base"), []string{config, "vision_cfg: there is timm_model_name"}},
		{"a ResNet", set("vision_cfg", "layers", []int{3, 4, 6, 3}), []string{config, "vision_cfg", "array"}},
		{"an encoder of Hugging Face", set("text_cfg", "hf_model_name", "roberta"), []string{config, "text_cfg: there is hf_model_name"}},
		{"SigLIP", set("model_cfg", "init_logit_bias", -10), []string{config, "model_cfg: there is init_logit_bias"}},
		{"another pool", set("vision_cfg", "pool_type", "avg"), []string{config, `pool_type is "avg"`}},
		{"another pool of texts", set("text_cfg", "pool_type", "last"), []string{config, `pool_type is "last"`}},
		{"positions by rule", set("vision_cfg", "pos_embed_type", "sin_cos_2d"), []string{config, "sin_cos_2d"}},
		{"heads that do not divide", set("vision_cfg", "head_width", 5), []string{config, "multiple of head_width, 5"}},
		{"no heads", set("vision_cfg", "head_width", 0), []string{config, "head_width, 0"}},
		{"no patch", set("vision_cfg", "patch_size", 0), []string{config, "patch_size 0"}},
		{"no MLP", set("vision_cfg", "mlp_ratio", -1), []string{config, "mlp_ratio is -1"}},
		{"another MLP of texts", set("text_cfg", "mlp_ratio", 2), []string{config, "mlp_ratio is 2", "four times"}},
		{"no blocks", set("text_cfg", "layers", 0), []string{config, "text_cfg: layers is 0"}},
		{"no space", set("model_cfg", "embed_dim", 0), []string{config, "embed_dim is 0"}},
		{"squeezed pictures", set("preprocess_cfg", "resize_mode", "squash"), []string{config, `resize_mode is "squash"`}},
		{"another filter", set("preprocess_cfg", "interpolation", "random"), []string{config, `interpolation is "random"`}},
		{"no deviation", set("preprocess_cfg", "std", []int{1, 0, 1}), []string{config, "image_std is [1 0 1]"}},
		{"more blocks", set("vision_cfg", "layers", 3), []string{tensors, "missing: visual.transformer.resblocks.2.attn.in_proj_weight"}},
		{"larger pictures", set("vision_cfg", "image_size", 12), []string{tensors, "visual.positional_embedding is [5 16], not [10 16]"}},
		{"another space", set("model_cfg", "embed_dim", 13), []string{tensors, "text_projection is [16 12], not [16 13]"}},
		{"more positions", set("text_cfg", "context_length", 77), []string{tensors, "positional_embedding is [9 16], not [77 16]"}},
		{"pickled weights", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, tensors), filepath.Join(dir, "open_clip_pytorch_model.bin")); err != nil {
				t.Fatal(err)
			}
		}, []string{"open_clip_pytorch_model.bin rather than open_clip_model.safetensors", "pickled"}},
		{"no object", func(t *testing.T, dir string) { write(t, filepath.Join(dir, config), "[]") }, []string{config}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, "open_clip")
			c.spoil(t, dir)
			_, err := pretrained.Open(dir)
			if err == nil {
				_, err = pretrained.OpenPictures(dir)
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
	dir := copied(t, "open_clip") // of no effect, or for training
	for key, value := range map[string]any{"patch_dropout": 0.5, "ls_init_value": nil, "attentional_pool": false, "no_ln_pre": false} {
		set("vision_cfg", key, value)(t, dir)
	}
	set("preprocess_cfg", "size", []int{8, 8})(t, dir)
	if _, err := pretrained.OpenPictures(dir); err != nil {
		t.Error(err)
	}
}

// Whatever the settings are, reading them neither panics nor says more than a line.
func FuzzPictureSettings(f *testing.F) {
	names := []string{"config.json", "preprocessor_config.json", "open_clip_config.json"}
	folders := []string{"clip", "clip", "open_clip"}
	for i, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", folders[i], name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), text)
	}
	f.Add(uint8(0), []byte(`{"model_type": "clip", "vision_config": {"image_size": 9223372036854775807, "patch_size": 1}}`))
	f.Add(uint8(1), []byte(`{"size": {"shortest_edge": null}, "crop_size": {}}`))
	dirs := []string{copied(f, "clip"), "", copied(f, "open_clip")}
	dirs[1] = dirs[0]
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		i := int(which) % len(names)
		name, dir := names[i], dirs[i]
		path := filepath.Join(dir, name)
		write(t, path, string(text))
		if _, err := pretrained.OpenPictures(dir); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: an error of several lines: %v", name, err)
		}
		whole, err := os.ReadFile(filepath.Join("testdata", folders[i], name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(whole))
	})
}
