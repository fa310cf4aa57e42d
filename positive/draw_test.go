package positive

import (
	"image"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/rng"
)

// kolmogorovSmirnov is the largest distance between the distribution of values and the uniform one on [low, high], times
// the root of their number. Beyond 2.2 it has a probability of about 1e-4 if they are uniform.
func kolmogorovSmirnov(values []float64, low, high float64) float64 {
	slices.Sort(values)
	n, largest := float64(len(values)), 0.
	for i, v := range values {
		u := (v - low) / (high - low)
		largest = max(largest, math.Abs(u-float64(i)/n), math.Abs(u-float64(i+1)/n))
	}
	return largest * math.Sqrt(n)
}

// Where every crop fits, its area, the logarithm of its shape and its place are uniform.
func TestCropDistribution(t *testing.T) {
	const side, n = 20000, 20000
	c := SimCLR(224)
	c.CropScale = [2]float64{0.08, 0.5}
	var areas, shapes, lefts, tops []float64
	r := rng.New(3, 0, 0, 0)
	for range n {
		crop := c.drawCrop(side, side, r)
		w, h := float64(crop.Dx()), float64(crop.Dy())
		areas = append(areas, w*h/side/side)
		shapes = append(shapes, math.Log(w/h))
		lefts = append(lefts, float64(crop.Min.X)/(side-w))
		tops = append(tops, float64(crop.Min.Y)/(side-h))
	}
	for name, d := range map[string]float64{
		"area":  kolmogorovSmirnov(areas, 0.08, 0.5),
		"shape": kolmogorovSmirnov(shapes, math.Log(3./4), math.Log(4./3)),
		"left":  kolmogorovSmirnov(lefts, 0, 1),
		"top":   kolmogorovSmirnov(tops, 0, 1),
	} {
		if d > 2.2 {
			t.Errorf("%s is not uniform: Kolmogorov-Smirnov statistic %.2f", name, d)
		}
	}
}

// With the published scale of .08 to 1, crops that do not fit are drawn again. Of the accepted ones on a square picture,
// the share at area a is proportional to the width of |log ratio| <= min(log 4/3, -log a); its mean follows.
func TestCropMeanArea(t *testing.T) {
	const side, n = 20000, 20000
	c := SimCLR(224)
	var mass, moment float64
	for a := 0.08; a < 1; a += 1e-5 {
		p := min(math.Log(4./3), -math.Log(a))
		mass, moment = mass+p, moment+p*a
	}
	r, sum := rng.New(4, 0, 0, 0), 0.
	for range n {
		crop := c.drawCrop(side, side, r)
		sum += float64(crop.Dx()) * float64(crop.Dy()) / side / side
	}
	// Five standard errors; the deviation of an area is below .27, and ten rejections in a row are about one in 10^7.
	if got, want := sum/n, moment/mass; math.Abs(got-want) > 5*0.27/math.Sqrt(n) {
		t.Errorf("mean area is %.4f, want %.4f", got, want)
	}
}

func TestCropInsideEveryPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 3000).Draw(t, "w"), rapid.IntRange(1, 3000).Draw(t, "h")
		c := SimCLR(32)
		c.CropScale[0] = rapid.Float64Range(1e-4, 1).Draw(t, "low")
		crop := c.drawCrop(w, h, rng.New(rapid.Uint64().Draw(t, "seed"), 0, 0, 0))
		if crop.Empty() || !crop.In(image.Rect(0, 0, w, h)) {
			t.Fatalf("crop %v of a %d x %d picture", crop, w, h)
		}
	})
}

// Where no draw fits, the crop is the largest middle one whose shape is allowed.
func TestCropFallback(t *testing.T) {
	c := SimCLR(32)
	c.CropScale = [2]float64{1, 1}
	for _, test := range []struct {
		w, h int
		want image.Rectangle
	}{
		{1000, 30, image.Rect(480, 0, 520, 30)}, // 40 = 30 * 4/3
		{30, 1000, image.Rect(0, 480, 30, 520)},
		{1, 9, image.Rect(0, 4, 1, 5)},
		{9, 1, image.Rect(4, 0, 5, 1)},
	} {
		if got := c.drawCrop(test.w, test.h, rng.New(1, 0, 0, 0)); got != test.want {
			t.Errorf("%d x %d: crop is %v, want %v", test.w, test.h, got, test.want)
		}
	}
}

func TestProbabilities(t *testing.T) {
	const n = 20000
	c := BYOL(32)[1]
	c.Rotate, c.RotateDegrees = 0.3, 30
	var flips, rotations, jitters, grays, blurs, solarizes int
	count := func(into *int, yes bool) {
		if yes {
			*into++
		}
	}
	r := rng.New(5, 0, 0, 0)
	for range n {
		d := c.draw(40, 40, r)
		count(&flips, d.flip)
		count(&rotations, d.rotate)
		count(&jitters, d.jitter)
		count(&grays, d.grayscale)
		count(&blurs, d.blur)
		count(&solarizes, d.solarize)
	}
	for _, test := range []struct {
		name  string
		count int
		p     float64
	}{
		{"flip", flips, c.Flip}, {"rotate", rotations, c.Rotate}, {"jitter", jitters, c.Jitter},
		{"grayscale", grays, c.Grayscale}, {"blur", blurs, c.Blur}, {"solarize", solarizes, c.Solarize},
	} {
		deviation := math.Sqrt(n * test.p * (1 - test.p))
		if math.Abs(float64(test.count)-n*test.p) > 5*deviation {
			t.Errorf("%s: %d of %d, want about %g", test.name, test.count, n, n*test.p)
		}
	}
}

// Factors are uniform over their ranges, which stop at 0.
func TestFactors(t *testing.T) {
	const n = 20000
	c := SimCLR(32)
	c.Contrast = 1.5
	c.Rotate, c.RotateDegrees = 1, 30
	values := map[string][]float64{}
	r := rng.New(6, 0, 0, 0)
	for range n {
		d := c.draw(40, 40, r)
		for name, v := range map[string]float64{"brightness": d.brightness, "contrast": d.contrast, "saturation": d.saturation,
			"hue": d.hue, "sigma": d.sigma, "degrees": d.degrees} {
			values[name] = append(values[name], v)
		}
	}
	for name, ends := range map[string][2]float64{"brightness": {0.2, 1.8}, "contrast": {0, 2.5}, "saturation": {0.2, 1.8},
		"hue": {-0.2, 0.2}, "sigma": {0.1, 2}, "degrees": {-30, 30}} {
		if d := kolmogorovSmirnov(values[name], ends[0], ends[1]); d > 2.2 {
			t.Errorf("%s is not uniform on %v: Kolmogorov-Smirnov statistic %.2f", name, ends, d)
		}
	}
}

func TestJitterOrders(t *testing.T) {
	const n = 24000
	c := SimCLR(32)
	counts := map[[4]jitterOp]int{}
	r := rng.New(7, 0, 0, 0)
	for range n {
		counts[c.draw(40, 40, r).order]++
	}
	if len(counts) != 24 {
		t.Fatalf("%d orders, want 24", len(counts))
	}
	chi2 := 0.
	for _, k := range counts {
		chi2 += (float64(k) - n/24) * (float64(k) - n/24) / (n / 24)
	}
	// 23 degrees of freedom: beyond 58 with a probability of about 1e-4.
	if chi2 > 58 {
		t.Errorf("orders are not equally likely: chi-squared %.1f", chi2)
	}
}

// Switching an operation off leaves all other numbers of a view as they were.
func TestDrawsDoNotDependOnProbabilities(t *testing.T) {
	c := SimCLR(32)
	without := c
	without.Flip, without.Jitter, without.Blur = 0, 0, 0
	for i := range 100 {
		want, got := c.draw(50, 40, rng.New(1, 0, i, 0)), without.draw(50, 40, rng.New(1, 0, i, 0))
		want.flip, want.jitter, want.blur = false, false, false
		if got != want {
			t.Fatalf("view %d: %+v, want %+v", i, got, want)
		}
	}
}
