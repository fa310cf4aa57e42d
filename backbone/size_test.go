package backbone_test

import (
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
)

// Parameters are those of torchvision's models without their classifier (model.fc) and timm's without theirs
// (num_classes=0), summed by p.numel() over model.parameters(). Multiply-adds are summed by hand over table 1 of He et al.
// 2016 without the classifier, with which torchvision gives 1.81, 3.66 and 4.09 G; and, for the transformers of 12 blocks,
// over 196 patches of 768 numbers and 197 tokens, for which timm gives 1.3 and 4.6 G. PyTorch's FlopCounterMode counts the
// same numbers.
func TestSizesAreThePublishedOnes(t *testing.T) {
	vit := func(width float64) float64 { return 12*197*(12*width*width+2*197*width) + 196*768*width }
	for _, c := range []struct {
		name         string
		imageSize    int
		parameters   int
		multiplyAdds float64
	}{
		{"resnet18", 224, 11_176_512, 1_813_561_344},
		{"resnet34", 224, 21_284_672, 3_663_249_408},
		{"resnet50", 224, 23_508_032, 4_087_136_256},
		{"resnet18", 32, 11_176_512 - 49*3*64 + 9*3*64, 555_417_600}, // with the CIFAR stem
		{"vit_tiny", 224, 5_524_416, vit(192)},
		{"vit_small", 224, 21_665_664, vit(384)},
	} {
		for _, name := range []string{"go", "cpu"} {
			b, err := device.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			encoder, err := backbone.New(c.name, 1, c.imageSize)
			if err != nil {
				t.Fatal(err)
			}
			got, err := backbone.Measure(b, encoder, c.imageSize)
			b.Finalize()
			if want := (backbone.Size{Parameters: c.parameters, MultiplyAdds: c.multiplyAdds}); err != nil || got != want {
				t.Errorf("%s at %d px on %s: %+v, %v; want %+v", c.name, c.imageSize, name, got, err, want)
			}
		}
	}
}

// Parameters are those of transformers' BertModel(config, add_pooling_layer=False), summed by p.numel() over
// model.parameters(): with the layer on top of the first token, which takes width² + width more, BERT-base has its published 109.48
// million and MiniLM-L6 its 22.71. Turc et al. 2019, table 1, round to 4.4, 11.3, 29.1 and 41.7 million for the sizes from tiny to
// medium, with more on top. Multiply-adds are summed by hand over the blocks.
func TestSizesOfTextEncodersAreThePublishedOnes(t *testing.T) {
	const length, bert = 32, 30522
	transformer := func(layers, width float64) float64 { return layers * length * (12*width*width + 2*length*width) }
	for _, c := range []struct {
		name         string
		parameters   int
		multiplyAdds float64
	}{
		{"bert_tiny", 4_385_920 - 128*129, transformer(2, 128)},
		{"transformer", 11_170_560 - 256*257, transformer(4, 256)},
		{"bert_small", 28_763_648 - 512*513, transformer(4, 512)},
		{"minilm", 22_713_216 - 384*385, transformer(6, 384)},
		{"bert_medium", 41_373_184 - 512*513, transformer(8, 512)},
		{"bert_base", 109_482_240 - 768*769, transformer(12, 768)},
		{"static", bert * 301, 0},
	} {
		config, err := backbone.NewText(c.name, bert)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"go", "cpu"} {
			b, err := device.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := backbone.MeasureText(b, config, length)
			b.Finalize()
			if want := (backbone.Size{Parameters: c.parameters, MultiplyAdds: c.multiplyAdds}); err != nil || got != want {
				t.Errorf("%s on %s: %+v, %v; want %+v", c.name, name, got, err, want)
			}
		}
	}
}

func TestSizeInWords(t *testing.T) {
	if got, want := (backbone.Size{Parameters: 11_104_768, MultiplyAdds: 103e6}).For("a text of 32 tokens"), "11.1 million weights, 103 million multiply-adds a text of 32 tokens"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for size, want := range map[backbone.Size]string{
		{Parameters: 11_176_512, MultiplyAdds: 1_813_561_344}: "11.2 million weights, 1.81 billion multiply-adds a picture",
		{Parameters: 388_896, MultiplyAdds: 3_760_128}:        "0.389 million weights, 3.76 million multiply-adds a picture",
		{Parameters: 2_410_000}:                               "2.41 million weights",
	} {
		if got := size.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMeasureRefusesTextsThatDoNotFit(t *testing.T) {
	b, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	config, err := backbone.NewText("bert_tiny", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config backbone.TextConfig
		length int
		want   string
	}{{config, 0, "0 tokens"}, {config, 513, "takes 512"}, {backbone.TextConfig{}, 3, "transformer, static or clip"}} {
		if _, err := backbone.MeasureText(b, c.config, c.length); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d tokens: error %v, want one about %s", c.length, err, c.want)
		}
	}
}

func TestMeasureRefusesWhatCannotBe(t *testing.T) {
	b, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	encoder, err := backbone.New("resnet18", 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backbone.Measure(b, encoder, 7); err == nil || !strings.Contains(err.Error(), "at least 8") {
		t.Errorf("error %v", err)
	}
}
