package positive

import (
	"fmt"
	"image"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/rng"
)

// recipes are all published configurations for a size.
func recipes(size int) map[string]ImageConfig {
	byol, tiny := BYOL(size), BYOLSmall(size)
	large, small := SwAV(size)
	cifarLarge, cifarSmall := SwAVSmall(size)
	rotated := SimCLR(size)
	rotated.Rotate, rotated.RotateDegrees = 0.5, 30
	return map[string]ImageConfig{
		"simclr": SimCLR(size), "simclr small": SimCLRSmall(size), "moco v1": MoCoV1(size), "moco v2": MoCoV2(size),
		"byol 1": byol[0], "byol 2": byol[1], "byol small 1": tiny[0], "byol small 2": tiny[1],
		"swav large": large, "swav small": small, "swav cifar large": cifarLarge, "swav cifar small": cifarSmall, "clip": CLIP(size),
		"rotated": rotated,
	}
}

// compose draws a view with the exported operations, one after the other on a Buffer: the slow and plain way.
func compose(t testing.TB, c ImageConfig, src *image.RGBA, d draws) []float32 {
	b, err := ResizedCrop(FromImage(src), d.crop, c.Size, c.Size, c.Interpolation)
	if err != nil {
		t.Fatal(err)
	}
	Clamp(b)
	if d.flip {
		HFlip(b)
	}
	if d.rotate {
		Rotate(b, d.degrees)
	}
	for _, op := range d.order {
		switch {
		case !d.jitter:
		case op == brightness && c.Brightness > 0:
			AdjustBrightness(b, d.brightness)
		case op == contrast && c.Contrast > 0:
			AdjustContrast(b, d.contrast)
		case op == saturation && c.Saturation > 0:
			AdjustSaturation(b, d.saturation)
		case op == hue && c.Hue > 0:
			AdjustHue(b, d.hue)
		}
	}
	if d.grayscale {
		Grayscale(b)
	}
	if d.blur {
		GaussianBlur(b, c.blurTaps(), d.sigma)
	}
	if d.solarize {
		Solarize(b, c.SolarizeThreshold)
	}
	Normalize(b, c.Mean, c.Std)
	return b.Pix
}

func TestViewIsTheComposition(t *testing.T) {
	for name, c := range recipes(29) {
		t.Run(name, func(t *testing.T) {
			bothKernels(t, func(t *testing.T) {
				p, src := mustPipeline(t, c), photo(47, 35)
				got := make([]float32, p.Len())
				for i := range 40 {
					p.View(got, src, rng.New(1, 0, i, 0))
					want := compose(t, c, src, c.draw(47, 35, rng.New(1, 0, i, 0)))
					if d := maxDifference(got, want); d != 0 {
						t.Fatalf("view %d differs from the composition by %g", i, d)
					}
				}
			})
		})
	}
}

// Before normalisation every value is in [0, 1], for pictures of any shape.
func TestViewRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(1, 60), rapid.SampledFrom([]int{1, 500}))
		w, h := side.Draw(t, "w"), side.Draw(t, "h")
		all := recipes(rapid.IntRange(1, 33).Draw(t, "size"))
		c := all[rapid.SampledFrom(names(all)).Draw(t, "recipe")]
		c.Mean, c.Std = [3]float32{}, [3]float32{1, 1, 1}
		p, err := NewPipeline(c)
		if err != nil {
			t.Fatal(err)
		}
		view := make([]float32, p.Len())
		check := func(what string) {
			for i, v := range view {
				if !(v >= 0 && v <= 1.000001) { // the weights of a resize sum to 1 up to rounding
					t.Fatalf("%s: entry %d is %g", what, i, v)
				}
			}
		}
		src := photo(w, h)
		p.View(view, src, rng.New(rapid.Uint64().Draw(t, "seed"), 0, 0, 0))
		check("view")
		for i := range view {
			view[i] = float32(math.NaN())
		}
		p.Center(view, src)
		check("centre")
	})
}

// names lists the names of recipes in order.
func names(m map[string]ImageConfig) []string {
	return slices.Sorted(maps.Keys(m))
}

// A configuration that changes nothing gives the picture.
func TestViewIdentity(t *testing.T) {
	for _, interpolation := range []Interpolation{Bilinear, Bicubic} {
		c := ImageConfig{
			Size: 21, Interpolation: interpolation, CropScale: [2]float64{1, 1}, CropRatio: [2]float64{1, 1}, CenterCrop: 1,
			Std: [3]float32{1, 1, 1},
		}
		p, src := mustPipeline(t, c), photo(21, 21)
		want, got := FromImage(src).Pix, make([]float32, p.Len())
		p.View(got, src, rng.New(1, 0, 0, 0))
		if d := maxDifference(got, want); d > 1e-6 {
			t.Errorf("%s: a view differs from the picture by %g", interpolation, d)
		}
		p.Center(got, src)
		if d := maxDifference(got, want); d > 1e-6 {
			t.Errorf("%s: the centre differs from the picture by %g", interpolation, d)
		}
	}
}

// The generator alone decides, whoever draws and with whatever memory.
func TestSameGeneratorSameBytes(t *testing.T) {
	p, n := mustPipeline(t, BYOL(24)[1]), 64
	pictures := []*image.RGBA{photo(30, 40), photo(7, 90), photo(64, 64)}
	draw := func(i int) []float32 {
		view := make([]float32, p.Len())
		p.View(view, pictures[i%3], rng.New(9, 1, i, 0))
		return view
	}
	want := make([][]float32, n)
	for i := range n {
		want[i] = draw(i)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := n - 1; i >= 0; i-- {
				if !slices.Equal(draw(i), want[i]) {
					t.Errorf("view %d differs between goroutines", i)
				}
			}
		})
	}
	group.Wait()
}

// The picture's rows need not be next to each other, nor begin at the first byte.
func TestSubImage(t *testing.T) {
	p, whole := mustPipeline(t, SimCLR(16)), photo(60, 50)
	part := whole.SubImage(image.Rect(11, 7, 41, 33)).(*image.RGBA)
	alone := image.NewRGBA(image.Rect(0, 0, 30, 26))
	for y := range 26 {
		copy(alone.Pix[y*alone.Stride:][:4*30], part.Pix[y*part.Stride:])
	}
	got, want := make([]float32, p.Len()), make([]float32, p.Len())
	p.View(got, part, rng.New(1, 0, 0, 0))
	p.View(want, alone, rng.New(1, 0, 0, 0))
	if !slices.Equal(got, want) {
		t.Error("a part of a picture gives another view than its copy")
	}
}

// Center is a resize of the shorter side, as torchvision's Resize, and then the middle.
func TestCenterIsResizeAndCrop(t *testing.T) {
	for _, test := range []struct{ w, h, toW, toH, left, top int }{
		{50, 40, 40, 32, 6, 2},  // the shorter side to 32, then 28 of it
		{40, 61, 32, 48, 2, 10}, // 48.8 is rounded down
		{28, 28, 32, 32, 2, 2},  // enlarged
		{300, 3, 3200, 32, 1586, 2},
		{90, 64, 45, 32, 8, 2}, // half of 17 is rounded to even
		{1, 1, 32, 32, 2, 2},
	} {
		t.Run(fmt.Sprintf("%dx%d", test.w, test.h), func(t *testing.T) {
			c := SimCLR(28)
			p, src := mustPipeline(t, c), photo(test.w, test.h)
			resized, err := ResizedCrop(FromImage(src), src.Rect, test.toH, test.toW, Bilinear)
			if err != nil {
				t.Fatal(err)
			}
			Normalize(resized, c.Mean, c.Std)
			var want []float32
			for y := range 28 {
				want = append(want, resized.Pix[3*((test.top+y)*test.toW+test.left):][:3*28]...)
			}
			got := make([]float32, p.Len())
			p.Center(got, src)
			if d := maxDifference(got, want); d != 0 {
				t.Errorf("largest difference is %g", d)
			}
		})
	}
}

func TestMisuseIsNamed(t *testing.T) {
	p := mustPipeline(t, SimCLR(8))
	for name, f := range map[string]func(){
		"short dst":     func() { p.View(make([]float32, 7), photo(9, 9), rng.New(1, 0, 0, 0)) },
		"empty picture": func() { p.Center(make([]float32, p.Len()), image.NewRGBA(image.Rectangle{})) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(string); !ok {
					t.Errorf("%s: no message", name)
				}
			}()
			f()
		}()
	}
}
