package positive

import (
	"image"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bufferDraw makes a picture of at most 20 x 20 pixels.
func bufferDraw(t *rapid.T) Buffer {
	h, w := rapid.IntRange(1, 20).Draw(t, "h"), rapid.IntRange(1, 20).Draw(t, "w")
	return Buffer{h, w, rapid.SliceOfN(rapid.Float32Range(0, 1), 3*h*w, 3*h*w).Draw(t, "pix")}
}

func (b Buffer) clone() Buffer { return Buffer{b.Height, b.Width, slices.Clone(b.Pix)} }

// near fails the test if two pictures differ by more than tolerance anywhere.
func near(t *rapid.T, what string, got, want Buffer, tolerance float64) {
	t.Helper()
	if d := maxDifference(got.Pix, want.Pix); !(d <= tolerance) {
		t.Fatalf("%s: largest difference is %g, want at most %g", what, d, tolerance)
	}
}

// Parameters that mean "leave it" leave it.
func TestIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bufferDraw(t)
		for _, test := range []struct {
			name      string
			edit      func(Buffer)
			tolerance float64
		}{
			{"brightness 1", func(b Buffer) { AdjustBrightness(b, 1) }, 0},
			{"contrast 1", func(b Buffer) { AdjustContrast(b, 1) }, 0},
			{"saturation 1", func(b Buffer) { AdjustSaturation(b, 1) }, 0},
			{"hue 0", func(b Buffer) { AdjustHue(b, 0) }, 2e-6},
			{"hue 1", func(b Buffer) { AdjustHue(b, 1) }, 2e-6},
			{"hue there and back", func(b Buffer) { AdjustHue(b, 0.3); AdjustHue(b, -0.3) }, 5e-6},
			{"solarize above 1", func(b Buffer) { Solarize(b, 1.1) }, 0},
			{"clamp", Clamp, 0},
			{"two flips", func(b Buffer) { HFlip(b); HFlip(b) }, 0},
			{"a blur of one tap", func(b Buffer) { GaussianBlur(b, 1, 2) }, 0},
			{"a blur much narrower than a pixel", func(b Buffer) { GaussianBlur(b, 5, 0.1) }, 0},
			{"rotation by 0", func(b Buffer) { Rotate(b, 0) }, 0},
			{"a half turn twice", func(b Buffer) { Rotate(b, 180); Rotate(b, 180) }, 1e-5},
			{"normalize", func(b Buffer) { Normalize(b, [3]float32{}, [3]float32{1, 1, 1}) }, 0},
		} {
			got := b.clone()
			test.edit(got)
			near(t, test.name, got, b, test.tolerance)
		}
		for _, interpolation := range []Interpolation{Bilinear, Bicubic} {
			got, err := ResizedCrop(b, image.Rect(0, 0, b.Width, b.Height), b.Height, b.Width, interpolation)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "resize to the same size", got, b, 1e-6)
		}
	})
}

// Colours change as colours do: hues turn, gray stays gray, nothing leaves [0, 1].
func TestColours(t *testing.T) {
	red, green, blue := Buffer{1, 1, []float32{1, 0, 0}}, Buffer{1, 1, []float32{0, 1, 0}}, Buffer{1, 1, []float32{0, 0, 1}}
	rapid.Check(t, func(t *rapid.T) {
		got := red.clone()
		AdjustHue(got, 1./3)
		near(t, "red turned by a third", got, green, 2e-6)
		AdjustHue(got, 1./3)
		near(t, "green turned by a third", got, blue, 2e-6)

		b := bufferDraw(t)
		Grayscale(b)
		for i := 0; i < len(b.Pix); i += 3 {
			if b.Pix[i] != b.Pix[i+1] || b.Pix[i] != b.Pix[i+2] {
				t.Fatalf("pixel %d is not gray: %v", i/3, b.Pix[i:i+3])
			}
		}
		turned := b.clone()
		AdjustHue(turned, rapid.Float64Range(-0.5, 0.5).Draw(t, "shift"))
		near(t, "gray has no hue", turned, b, 0)

		b = bufferDraw(t)
		flat, factor := b.clone(), rapid.Float64Range(0, 3).Draw(t, "factor")
		AdjustSaturation(flat, 0)
		gray := b.clone()
		Grayscale(gray)
		near(t, "no saturation is grayscale", flat, gray, 1e-6)
		AdjustContrast(flat, 0)
		for _, v := range flat.Pix {
			if math.Abs(float64(v-flat.Pix[0])) > 1e-6 {
				t.Fatalf("a picture without contrast has %g and %g", flat.Pix[0], v)
			}
		}
		for _, edit := range []func(Buffer, float64){AdjustBrightness, AdjustContrast, AdjustSaturation, AdjustHue} {
			edit(b, factor)
			if low, high := slices.Min(b.Pix), slices.Max(b.Pix); !(low >= 0 && high <= 1) {
				t.Fatalf("values from %g to %g", low, high)
			}
		}
	})
}

// The separable, truncated blur is the full two-dimensional Gaussian, summed in float64, to 1e-6.
func TestBlurIsTheFullKernel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bufferDraw(t)
		radius, sigma := rapid.IntRange(0, 14).Draw(t, "radius"), rapid.Float64Range(0.1, 3).Draw(t, "sigma")
		want := b.clone()
		for y := range b.Height {
			for x := range b.Width {
				var sum [3]float64
				total := 0.
				for dy := -radius; dy <= radius; dy++ {
					for dx := -radius; dx <= radius; dx++ {
						w := math.Exp(-float64(dx*dx+dy*dy) / (2 * sigma * sigma))
						p := b.Pix[3*(bounce(y+dy, b.Height)*b.Width+bounce(x+dx, b.Width)):]
						for c := range 3 {
							sum[c] += w * float64(p[c])
						}
						total += w
					}
				}
				for c := range 3 {
					want.Pix[3*(y*b.Width+x)+c] = float32(sum[c] / total)
				}
			}
		}
		GaussianBlur(b, 2*radius+1, sigma)
		near(t, "blur", b, want, 1e-6)
	})
}

// bounce walks from i into [0, n), turning round at each end.
func bounce(i, n int) int {
	for n > 1 && (i < 0 || i >= n) {
		if i < 0 {
			i = -i
		} else {
			i = 2*(n-1) - i
		}
	}
	if n == 1 {
		return 0
	}
	return i
}

// Quarter turns move pixels about; counter-clockwise, the top right corner goes to the top left.
func TestRotateQuarterTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		b := Buffer{n, n, rapid.SliceOfN(rapid.Float32Range(0, 1), 3*n*n, 3*n*n).Draw(t, "pix")}
		want := b.clone()
		for y := range n {
			for x := range n {
				copy(want.Pix[3*(y*n+x):][:3], b.Pix[3*(x*n+n-1-y):])
			}
		}
		got := b.clone()
		Rotate(got, 90)
		near(t, "a quarter turn", got, want, 1e-5)
		Rotate(got, -90)
		near(t, "and back", got, b, 2e-5)
	})
}

// A resize keeps constant pictures, and by a whole factor down it is a mean where the filter is a box's convolution.
func TestResizeKeepsConstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 60).Draw(t, "h"), rapid.IntRange(1, 60).Draw(t, "w")
		toH, toW := rapid.IntRange(1, 40).Draw(t, "to h"), rapid.IntRange(1, 40).Draw(t, "to w")
		v := rapid.Float32Range(0, 1).Draw(t, "value")
		b := Buffer{h, w, slices.Repeat([]float32{v}, 3*h*w)}
		for _, interpolation := range []Interpolation{Bilinear, Bicubic} {
			got, err := ResizedCrop(b, image.Rect(0, 0, w, h), toH, toW, interpolation)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "constant", got, Buffer{toH, toW, slices.Repeat([]float32{v}, 3*toH*toW)}, 2e-6)
		}
	})
}

func TestResizedCropRefuses(t *testing.T) {
	b := FromImage(photo(8, 6))
	for _, test := range []struct {
		crop          image.Rectangle
		height, width int
	}{
		{image.Rect(0, 0, 9, 6), 4, 4},
		{image.Rect(-1, 0, 4, 4), 4, 4},
		{image.Rect(2, 2, 2, 4), 4, 4},
		{image.Rect(0, 0, 8, 6), 0, 4},
	} {
		if _, err := ResizedCrop(b, test.crop, test.height, test.width, Bilinear); err == nil {
			t.Errorf("crop %v to %d x %d was accepted", test.crop, test.width, test.height)
		}
	}
}
