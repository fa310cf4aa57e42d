package embed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/device"
)

// Whatever a configuration holds, reading it and preparing its encoder neither panics nor says more than a line.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"format": 1, "method": "simclr", "backbone": "smallcnn", "width": 0.25, "dim": 64, "seed": 1, "views": {
		"size": 16, "interpolation": "bilinear", "crop_scale": [0.08, 1], "crop_ratio": [0.75, 1.33], "center_crop": 0.875,
		"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}}`))
	f.Add([]byte(`{"format": 1, "backbone": "resnet50", "width": 8, "views": {"size": -1}}`))
	f.Add([]byte(`{"format": 1e99}`))
	f.Add([]byte(`null`))
	backend, err := device.Open(device.Default)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), configFile)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		config, err := readConfig(path)
		if err == nil {
			var m *Model
			if m, err = New(backend, model.NewStore(), config); err == nil {
				m.Close()
			}
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %v", err)
		}
	})
}

// Large pictures go through the encoder a few at a time, or memory would not do.
func TestBatchesShrinkAsPicturesGrow(t *testing.T) {
	for side, want := range map[int]int{8: 128, 224: 128, 448: 32, 1024: 6, 4096: 1} {
		if got := batchSize(side); got != want {
			t.Errorf("%d pictures of %d pixels at once, want %d", got, side, want)
		}
	}
}
