package positive

import (
	"math"
	"strings"
	"testing"
)

func TestRecipesAreValid(t *testing.T) {
	for _, size := range []int{1, 8, 32, 224, MaxSize} {
		for name, c := range recipes(size) {
			if err := c.Validate(); err != nil {
				t.Errorf("%s at %d: %v", name, size, err)
			}
		}
	}
}

// The sizes that the papers name, which the code computes from shares.
func TestPublishedSizes(t *testing.T) {
	large, small := SwAV(224)
	if small.Size != 96 {
		t.Errorf("SwAV's small crops are %d pixels, want 96", small.Size)
	}
	for name, taps := range map[string][2]int{
		"SimCLR 224": {SimCLR(224).blurTaps(), 23}, "SimCLR 32": {SimCLR(32).blurTaps(), 3}, "SimCLR 96": {SimCLR(96).blurTaps(), 9},
		"BYOL": {BYOL(224)[0].blurTaps(), 23}, "SwAV large": {large.blurTaps(), 23}, "SwAV small": {small.blurTaps(), 23},
	} {
		if taps[0] != taps[1] {
			t.Errorf("%s blurs with %d taps, want %d", name, taps[0], taps[1])
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*ImageConfig){
		"size":               func(c *ImageConfig) { c.Size = 0 },
		"interpolation":      func(c *ImageConfig) { c.Interpolation = "nearest" },
		"center_crop":        func(c *ImageConfig) { c.CenterCrop = 0 },
		"flip":               func(c *ImageConfig) { c.Flip = 1.5 },
		"rotate_fill":        func(c *ImageConfig) { c.RotateFill = "white" },
		"jitter":             func(c *ImageConfig) { c.Jitter = math.NaN() },
		"brightness":         func(c *ImageConfig) { c.Brightness = -0.1 },
		"hue":                func(c *ImageConfig) { c.Hue = 0.6 },
		"crop_scale":         func(c *ImageConfig) { c.CropScale = [2]float64{0.5, 0.2} },
		"crop_ratio":         func(c *ImageConfig) { c.CropRatio[0] = 0 },
		"blur_sigma":         func(c *ImageConfig) { c.BlurSigma = [2]float64{} },
		"solarize_threshold": func(c *ImageConfig) { c.SolarizeThreshold = 2 },
		"std":                func(c *ImageConfig) { c.Std[1] = 0 },
		"mean":               func(c *ImageConfig) { c.Mean[2] = float32(math.NaN()) },
	} {
		c := SimCLR(32)
		spoil(&c)
		if _, err := NewPipeline(c); err == nil || !strings.Contains(err.Error(), field+" is ") {
			t.Errorf("%s spoiled: error is %v", field, err)
		}
	}
}
