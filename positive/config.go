package positive

import (
	"fmt"
	"math"
)

// Interpolation names the filter of a resize. Both are antialiased: when shrinking, the filter widens with the scale.
type Interpolation string

// The filters. Bicubic is Keys' kernel with a = -1/2, as PIL's and torchvision's antialiased resizes use.
const (
	Bilinear Interpolation = "bilinear"
	Bicubic  Interpolation = "bicubic"
)

// Fill names what lies outside of a picture.
type Fill string

// What there is outside: black pixels, as torchvision has them by default, or the nearest of the picture's own, for drawings on paper.
const (
	FillBlack Fill = "black"
	FillEdge  Fill = "edge"
)

// ImageConfig says how a view is drawn from a picture. The operations run in the order of the fields: crop and resize,
// flip, rotation, colour jitter (brightness, contrast, saturation and hue in random order), grayscale, blur, solarize,
// normalisation. Probabilities are in [0, 1]; an operation with probability 0 is left out. The constructors, SimCLR and
// its relatives, give the published settings.
type ImageConfig struct {
	Size          int           `yaml:"size" json:"size" help:"side of a view in pixels"`
	Interpolation Interpolation `yaml:"interpolation" json:"interpolation" help:"resize filter, antialiased: bilinear or bicubic"`
	CropScale     [2]float64    `yaml:"crop_scale" json:"crop_scale" help:"range of a random crop's area, as a share of the picture's"`
	CropRatio     [2]float64    `yaml:"crop_ratio" json:"crop_ratio" help:"range of a random crop's width / height"`
	CenterCrop    float64       `yaml:"center_crop" json:"center_crop" help:"share of the shorter side that evaluation keeps"`

	Flip          float64 `yaml:"flip" json:"flip" help:"probability of a horizontal flip"`
	Rotate        float64 `yaml:"rotate" json:"rotate" help:"probability of a rotation"`
	RotateDegrees float64 `yaml:"rotate_degrees" json:"rotate_degrees" help:"largest angle of a rotation, in degrees either way"`
	RotateFill    Fill    `yaml:"rotate_fill" json:"rotate_fill,omitempty" help:"what a rotation shows from outside of the crop: black, or edge, its outermost pixels"`

	Jitter     float64 `yaml:"jitter" json:"jitter" help:"probability of the colour jitter"`
	Brightness float64 `yaml:"brightness" json:"brightness" help:"brightness factor is drawn from 1 plus or minus this, not below 0"`
	Contrast   float64 `yaml:"contrast" json:"contrast" help:"contrast factor is drawn from 1 plus or minus this, not below 0"`
	Saturation float64 `yaml:"saturation" json:"saturation" help:"saturation factor is drawn from 1 plus or minus this, not below 0"`
	Hue        float64 `yaml:"hue" json:"hue" help:"hue shift is drawn from plus or minus this many turns, at most 0.5"`

	Grayscale float64 `yaml:"grayscale" json:"grayscale" help:"probability of dropping colour"`

	Blur       float64    `yaml:"blur" json:"blur" help:"probability of a Gaussian blur"`
	BlurSigma  [2]float64 `yaml:"blur_sigma" json:"blur_sigma" help:"range of the blur's standard deviation, in pixels of the view"`
	BlurKernel float64    `yaml:"blur_kernel" json:"blur_kernel" help:"width of the blur's kernel as a share of the view's side"`

	Solarize          float64 `yaml:"solarize" json:"solarize" help:"probability of solarizing"`
	SolarizeThreshold float64 `yaml:"solarize_threshold" json:"solarize_threshold" help:"values from this up are inverted, in [0, 1]"`

	Mean [3]float32 `yaml:"mean" json:"mean" help:"mean of red, green and blue, subtracted from values in [0, 1]"`
	Std  [3]float32 `yaml:"std" json:"std" help:"standard deviation of red, green and blue, divided by"`
}

// MaxSize is the largest side of a view: larger ones are mistakes, and would take gigabytes a batch.
const MaxSize = 4096

// Validate names the first field whose value cannot be used, and what it must be.
func (c ImageConfig) Validate() error {
	if c.Size < 1 || c.Size > MaxSize {
		return fmt.Errorf("size is %d: it must be from 1 to %d pixels", c.Size, MaxSize)
	}
	if c.Interpolation != Bilinear && c.Interpolation != Bicubic {
		return fmt.Errorf("interpolation is %q: it must be %s or %s", c.Interpolation, Bilinear, Bicubic)
	}
	if c.RotateFill != "" && c.RotateFill != FillBlack && c.RotateFill != FillEdge { // empty, in files from before there was a choice, is black
		return fmt.Errorf("rotate_fill is %q: it must be %s or %s", string(c.RotateFill), FillBlack, FillEdge)
	}
	for _, f := range []struct {
		name      string
		value     float64
		low, high float64
	}{
		{"center_crop", c.CenterCrop, 0.1, 1},
		{"flip", c.Flip, 0, 1},
		{"rotate", c.Rotate, 0, 1},
		{"rotate_degrees", c.RotateDegrees, 0, 180},
		{"jitter", c.Jitter, 0, 1},
		{"brightness", c.Brightness, 0, 10},
		{"contrast", c.Contrast, 0, 10},
		{"saturation", c.Saturation, 0, 10},
		{"hue", c.Hue, 0, 0.5},
		{"grayscale", c.Grayscale, 0, 1},
		{"blur", c.Blur, 0, 1},
		{"blur_kernel", c.BlurKernel, 0, 1},
		{"solarize", c.Solarize, 0, 1},
		{"solarize_threshold", c.SolarizeThreshold, 0, 1},
	} {
		if !(f.value >= f.low && f.value <= f.high) { // written so that NaN fails
			return fmt.Errorf("%s is %g: it must be from %g to %g", f.name, f.value, f.low, f.high)
		}
	}
	for _, f := range []struct {
		name      string
		value     [2]float64
		low, high float64
	}{
		{"crop_scale", c.CropScale, 1e-4, 1},
		{"crop_ratio", c.CropRatio, 0.01, 100},
	} {
		if err := validRange(f.name, f.value, f.low, f.high); err != nil {
			return err
		}
	}
	if c.Blur > 0 {
		if err := validRange("blur_sigma", c.BlurSigma, 0.01, 1000); err != nil {
			return err
		}
	}
	for i, s := range c.Std {
		if !(s > 0) || math.IsInf(float64(s), 0) {
			return fmt.Errorf("std is %v: entry %d must be above 0", c.Std, i)
		}
		if m := float64(c.Mean[i]); math.IsNaN(m) || math.IsInf(m, 0) {
			return fmt.Errorf("mean is %v: entry %d must be finite", c.Mean, i)
		}
	}
	return nil
}

func validRange(name string, v [2]float64, low, high float64) error {
	if !(low <= v[0] && v[0] <= v[1] && v[1] <= high) {
		return fmt.Errorf("%s is %v: it must be a low and a high end from %g to %g", name, v, low, high)
	}
	return nil
}
