package cli

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"time"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/positive"
)

// augmentTiming is how fast one core turns JPEG files into SimCLR's views.
type augmentTiming struct {
	PictureSize     int     `json:"picture_size"`
	PictureBytes    int     `json:"picture_bytes"`
	ImageSize       int     `json:"image_size"`
	ViewsPerPicture int     `json:"views_per_picture"`
	ViewsPerSecond  float64 `json:"views_per_second_and_core"`
	Pictures        int     `json:"pictures"`
}

// viewsPerPicture is how often a decoded picture is used, as in training.
const viewsPerPicture = 2

// measureAugment times decoding and augmenting, in one goroutine: 32-pixel pictures to 32-pixel views, as for CIFAR-10, and
// 350-pixel pictures to 224-pixel views, as for ImageNet.
func measureAugment(ctx context.Context, seconds float64) ([]augmentTiming, error) {
	var timings []augmentTiming
	for _, c := range []struct {
		picture int
		views   positive.ImageConfig
	}{{32, positive.SimCLRSmall(32)}, {350, positive.SimCLR(224)}} {
		t, err := measurePipeline(ctx, syntheticJPEG(c.picture), c.picture, c.views, seconds)
		if err != nil {
			return nil, err
		}
		timings = append(timings, t)
	}
	return timings, nil
}

func measurePipeline(ctx context.Context, file []byte, size int, views positive.ImageConfig, seconds float64) (augmentTiming, error) {
	pipeline, err := positive.NewPipeline(views)
	if err != nil {
		return augmentTiming{}, err
	}
	var decoder data.Decoder
	var picture image.RGBA
	view := make([]float32, pipeline.Len())
	t := augmentTiming{PictureSize: size, PictureBytes: len(file), ImageSize: views.Size, ViewsPerPicture: viewsPerPicture}
	began := time.Now()
	for time.Since(began).Seconds() < seconds && ctx.Err() == nil {
		if err := decoder.DecodeInto(&picture, file); err != nil {
			return t, err
		}
		for v := range viewsPerPicture {
			pipeline.View(view, &picture, rng.New(0, 0, t.Pictures, v))
		}
		t.Pictures++
	}
	t.ViewsPerSecond = float64(t.Pictures*viewsPerPicture) / time.Since(began).Seconds()
	return t, ctx.Err()
}

// syntheticJPEG is a picture with about the detail of a photograph: smooth colours, edges and some noise, saved at the
// quality cameras and web sites use.
func syntheticJPEG(size int) []byte {
	picture := image.NewRGBA(image.Rect(0, 0, size, size))
	noise := rng.New(0, 0, 0, 0)
	for y := range size {
		for x := range size {
			u, v := float64(x)/float64(size), float64(y)/float64(size)
			light := 0.5 + 0.3*math.Sin(9*u+4*v) + 0.05*noise.NormFloat64()
			if math.Hypot(u-0.5, v-0.5) < 0.3 {
				light = 1 - light
			}
			level := func(gain float64) uint8 { return uint8(255 * min(max(light*gain, 0), 1)) }
			picture.SetRGBA(x, y, color.RGBA{level(1), level(0.9 - 0.3*u), level(0.6 + 0.4*v), 255})
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: 90}); err != nil {
		panic(err) // a buffer takes everything
	}
	return file.Bytes()
}
