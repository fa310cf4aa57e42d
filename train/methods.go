package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/method"
)

// methods lists the methods that the configuration sets: one, if it is right.
func (c Config) methods() []method.Method {
	var list []method.Method
	if c.MoCo != nil {
		list = append(list, *c.MoCo)
	}
	if c.SimCLR != nil {
		list = append(list, *c.SimCLR)
	}
	if c.MoCoV2 != nil {
		list = append(list, *c.MoCoV2)
	}
	if c.SupCon != nil {
		list = append(list, *c.SupCon)
	}
	if c.BYOL != nil {
		list = append(list, *c.BYOL)
	}
	if c.SimSiam != nil {
		list = append(list, *c.SimSiam)
	}
	if c.BarlowTwins != nil {
		list = append(list, *c.BarlowTwins)
	}
	if c.SwAV != nil {
		list = append(list, *c.SwAV)
	}
	if c.SimCSE != nil {
		list = append(list, *c.SimCSE)
	}
	if c.SupConText != nil {
		list = append(list, *c.SupConText)
	}
	if c.CLIP != nil {
		list = append(list, *c.CLIP)
	}
	return list
}

// Method returns the run's method, or an error when there is not exactly one.
func (c Config) Method() (method.Method, error) {
	switch list := c.methods(); len(list) {
	case 0:
		return nil, fmt.Errorf("the configuration names no method: give it a section named %s", strings.Join(method.Names(), " or "))
	case 1:
		return list[0], nil
	default:
		return nil, fmt.Errorf("the configuration has sections of %s and of %s: a run has one method", list[0].Name(), list[1].Name())
	}
}

// Default returns the default configuration of the named method, for pictures of the given side if it learns from pictures. The error
// suggests the nearest name.
func Default(methodName string, imageSize int) (Config, error) {
	info, err := method.Find(methodName)
	if err != nil {
		return Config{}, err
	}
	switch info.Name {
	case "moco":
		return DefaultMoCo(imageSize), nil
	case "simclr":
		return DefaultSimCLR(imageSize), nil
	case "mocov2":
		return DefaultMoCoV2(imageSize), nil
	case "supcon":
		return DefaultSupCon(imageSize), nil
	case "byol":
		return DefaultBYOL(imageSize), nil
	case "simsiam":
		return DefaultSimSiam(imageSize), nil
	case "barlowtwins":
		return DefaultBarlowTwins(imageSize), nil
	case "swav":
		return DefaultSwAV(imageSize), nil
	case "simcse":
		return DefaultSimCSE("transformer", 1, false), nil
	case "supcon_text":
		return DefaultSupConText("transformer", 1), nil
	case "clip":
		return DefaultCLIP(imageSize, "clip_small", method.Softmax), nil
	}
	return Config{}, fmt.Errorf("%s has no default configuration", info.Name)
}

// Usual returns the default configuration of the run's method for what the published settings depend on: the size of pictures, the
// columns of text and the encoder, with what it starts from, or the loss of pairs. A run on pairs that starts from a whole CLIP, or from
// another run's encoder of pictures, may have no backbone and an image size of 0, for those of that.
func (c Config) Usual() (Config, error) {
	m, err := c.Method()
	if err != nil {
		return Config{}, err
	}
	if c.SupConText != nil && c.Text != nil {
		return c.usualSupConText()
	}
	if c.SimCSE != nil && c.Text != nil {
		switch columns := c.Text.TextOptions; {
		case c.Text.Pretrained != "":
			return SimCSEFrom(c.Text.Pretrained, columns)
		case c.Text.Vectors != "":
			return SimCSEFromVectors(c.Text.Vectors, columns)
		default:
			return simCSEOf(c.Backbone, columns), nil
		}
	}
	if c.CLIP != nil && c.Pairs != nil {
		usual := DefaultCLIP(c.ImageSize, c.Pairs.TextBackbone, c.CLIP.Contrast)
		if c.Pairs.Pretrained != "" {
			if usual, err = clipFrom(c); err != nil {
				return Config{}, err
			}
		}
		return usual.withImageModel(c)
	}
	return Default(m.Name(), c.ImageSize)
}

// usualSupConText is the default run for the columns of text and the encoder, with what it starts from.
func (c Config) usualSupConText() (Config, error) {
	simcse := method.DefaultSimCSE(c.Text.texts())
	c.SupConText, c.SimCSE = nil, &simcse
	usual, err := c.Usual()
	if err != nil {
		return Config{}, err
	}
	return supConTextOver(usual), nil
}
