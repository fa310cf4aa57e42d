package positive

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"os"
	"slices"
	"testing"
)

type goldenArray struct {
	Shape []int     `json:"shape"`
	Data  []float32 `json:"data"`
}

type goldenCase struct {
	Op     string `json:"op"`
	Params struct {
		Factor, Shift, Threshold, Sigma        float64
		Kernel, Top, Left, Height, Width, Size int
		Interpolation                          Interpolation
	} `json:"params"`
	Input, Output goldenArray
}

// TestGolden holds every operation against torchvision's own output on float tensors.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/augment.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("testdata/augment.json holds no cases")
	}
	for i, c := range file.Cases {
		t.Run(fmt.Sprintf("%02d_%s", i, c.Op), func(t *testing.T) { bothKernels(t, c.check) })
	}
}

func (c goldenCase) check(t *testing.T) {
	got, err := c.run()
	if err != nil {
		t.Fatal(err)
	}
	if shape := []int{got.Height, got.Width, 3}; !slices.Equal(shape, c.Output.Shape) {
		t.Fatalf("shape is %v, want %v", shape, c.Output.Shape)
	}
	tolerance := 2e-5
	if c.Params.Interpolation == Bicubic {
		tolerance = 1e-4
	}
	if d := maxDifference(got.Pix, c.Output.Data); !(d <= tolerance) {
		t.Errorf("largest difference is %g, want at most %g", d, tolerance)
	}
}

func (c goldenCase) run() (Buffer, error) {
	in, p := c.Input, c.Params
	if len(in.Shape) != 3 || in.Shape[2] != 3 || len(in.Data) != in.Shape[0]*in.Shape[1]*3 {
		return Buffer{}, fmt.Errorf("input has shape %v and %d values", in.Shape, len(in.Data))
	}
	b := Buffer{in.Shape[0], in.Shape[1], slices.Clone(in.Data)}
	switch c.Op {
	case "brightness":
		AdjustBrightness(b, p.Factor)
	case "contrast":
		AdjustContrast(b, p.Factor)
	case "saturation":
		AdjustSaturation(b, p.Factor)
	case "hue":
		AdjustHue(b, p.Shift)
	case "solarize":
		Solarize(b, p.Threshold)
	case "gaussian_blur":
		GaussianBlur(b, p.Kernel, p.Sigma)
	case "resized_crop":
		crop := image.Rect(p.Left, p.Top, p.Left+p.Width, p.Top+p.Height)
		return ResizedCrop(b, crop, p.Size, p.Size, p.Interpolation)
	case "grayscale":
		Grayscale(b)
	case "hflip":
		HFlip(b)
	default:
		return Buffer{}, fmt.Errorf("no operation is called %q", c.Op)
	}
	return b, nil
}

// maxDifference is the largest distance between two entries; NaN if there is one.
func maxDifference(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	largest := 0.
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return d
		}
		largest = max(largest, d)
	}
	return largest
}
