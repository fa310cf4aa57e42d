package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
)

// Preparation says how a picture is made ready for an encoder: its shorter side is resized to Shorter pixels, the middle of Size pixels a
// side is cut out, and of values in [0, 1] Mean is subtracted, and Std divided by.
type Preparation struct {
	Size, Shorter int
	// Bicubic is the filter of the resize, which is bilinear otherwise; both are antialiased.
	Bicubic   bool
	Mean, Std [3]float32
}

// preprocessor is how transformers keeps the same (image_processing_clip.py).
type preprocessor struct {
	Resize    bool            `json:"do_resize"`
	Shorter   json.RawMessage `json:"size"`
	Filter    int             `json:"resample"`
	Crop      bool            `json:"do_center_crop"`
	Size      json.RawMessage `json:"crop_size"`
	Rescale   bool            `json:"do_rescale"`
	Factor    float64         `json:"rescale_factor"`
	Normalize bool            `json:"do_normalize"`
	Mean      []float32       `json:"image_mean"`
	Std       []float32       `json:"image_std"`
}

// The filters as PIL numbers them.
const (
	pilBilinear = 2
	pilBicubic  = 3
)

// The files that say how pictures are prepared: of pictures alone, and, in newer folders, of pictures and texts.
const (
	preprocessorFile = "preprocessor_config.json"
	processorFile    = "processor_config.json"
)

// preprocessorDefaults are those of CLIP's in transformers, for what a file leaves out.
func preprocessorDefaults() preprocessor {
	return preprocessor{
		Resize: true, Shorter: json.RawMessage("224"), Filter: pilBicubic, Crop: true, Size: json.RawMessage("224"),
		Rescale: true, Factor: 1. / 255, Normalize: true,
		Mean: []float32{0.48145466, 0.4578275, 0.40821073}, Std: []float32{0.26862954, 0.26130258, 0.27577711},
	}
}

// openPreparation reads how pictures are prepared for an encoder of pictures of so many pixels a side.
func openPreparation(dir string, size int) (Preparation, error) {
	path := filepath.Join(dir, preprocessorFile)
	settings := preprocessorDefaults()
	err := readJSON(path, &settings)
	if errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(dir, processorFile)
		err = readOfBoth(path, &settings)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Preparation{}, fmt.Errorf("%s has no %s, which says how pictures are prepared: save it there with CLIPImageProcessor's save_pretrained", dir, preprocessorFile)
	}
	if err != nil {
		return Preparation{}, err
	}
	p, err := settings.preparation()
	if err == nil && p.Size != size {
		err = fmt.Errorf("crop_size is %d, and image_size in %s %d: they do not belong together", p.Size, configFile, size)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readOfBoth reads the settings for pictures from a file that has those for texts too.
func readOfBoth(path string, settings *preprocessor) error {
	var both struct {
		Pictures *json.RawMessage `json:"image_processor"`
	}
	err := readJSON(path, &both)
	switch {
	case err != nil:
		return err
	case both.Pictures == nil:
		return fmt.Errorf("%s has no image_processor, which says how pictures are prepared: save it there with CLIPProcessor's save_pretrained", path)
	}
	if err := json.Unmarshal(*both.Pictures, settings); err != nil {
		return fmt.Errorf("%s: image_processor: %w", path, err)
	}
	return nil
}

// preparation is the same as steps that can be taken, or the error of one that cannot.
func (s preprocessor) preparation() (p Preparation, err error) {
	for _, step := range []struct {
		name string
		does bool
	}{{"do_resize", s.Resize}, {"do_center_crop", s.Crop}, {"do_rescale", s.Rescale}, {"do_normalize", s.Normalize}} {
		if !step.does {
			return p, fmt.Errorf("%s is false: only pictures that are resized, cropped, rescaled and normalised can be read", step.name)
		}
	}
	if s.Filter != pilBilinear && s.Filter != pilBicubic {
		return p, fmt.Errorf("resample is %d: only %d, bilinear, and %d, bicubic, can be read", s.Filter, pilBilinear, pilBicubic)
	}
	if math.Abs(s.Factor*255-1) > 1e-4 {
		return p, fmt.Errorf("rescale_factor is %g: only 1/255 can be read", s.Factor)
	}
	p.Bicubic = s.Filter == pilBicubic
	if p.Shorter, err = side(s.Shorter, "shortest_edge", "shortest_edge"); err != nil {
		return p, fmt.Errorf("size %w", err)
	}
	if p.Size, err = side(s.Size, "height", "width"); err != nil {
		return p, fmt.Errorf("crop_size %w", err)
	}
	if p.Size > p.Shorter || p.Shorter > 10*p.Size {
		return p, fmt.Errorf("crop_size is %d and size %d: the shorter side must be one to ten times the crop's", p.Size, p.Shorter)
	}
	if len(s.Mean) != 3 || len(s.Std) != 3 {
		return p, fmt.Errorf("image_mean is %v and image_std %v: there must be three numbers of each", s.Mean, s.Std)
	}
	for i, deviation := range s.Std {
		if !(deviation > 0) {
			return p, fmt.Errorf("image_std is %v: all must be above 0", s.Std)
		}
		p.Mean[i], p.Std[i] = s.Mean[i], deviation
	}
	return p, nil
}

// maxSide is more pixels a side than any encoder sees.
const maxSide = 1 << 14

// side is a length in pixels: a number, or an object with that number under these keys, which may be one, and no others. Its error goes on
// from the name of what it is of.
func side(text json.RawMessage, first, second string) (int, error) {
	var n int
	if json.Unmarshal(text, &n) != nil {
		var sides map[string]int
		err := json.Unmarshal(text, &sides)
		n = sides[first]
		delete(sides, first)
		if first != second && sides[second] == n {
			delete(sides, second)
		}
		switch {
		case err == nil && len(sides) == 0 && n != 0:
		case first == second:
			return 0, fmt.Errorf("must be a number of pixels, or an object with one for %s", first)
		default:
			return 0, fmt.Errorf("must be a number of pixels, or an object with the same one for %s and %s", first, second)
		}
	}
	if n < 1 || n > maxSide {
		return 0, fmt.Errorf("is %d: it must be from 1 to %d pixels", n, maxSide)
	}
	return n, nil
}
