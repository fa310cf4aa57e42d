package positive

// Means and standard deviations of the pixels of a training set, red, green, blue.
var (
	// ImageNetMean and ImageNetStd are those of ILSVRC-2012, as in facebookresearch/moco main_moco.py.
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
	// CLIPMean and CLIPStd are those of CLIP's training set, as in mlfoundations/open_clip constants.py.
	CLIPMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	CLIPStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

// plain is a random resized crop with the torchvision defaults (scale .08 to 1, ratio 3/4 to 4/3), normalised with
// ImageNet's statistics, evaluated on the centre 7/8 (224 of 256). Every recipe starts from it.
func plain(size int) ImageConfig {
	return ImageConfig{
		Size:              size,
		Interpolation:     Bilinear,
		CropScale:         [2]float64{0.08, 1},
		CropRatio:         [2]float64{3. / 4, 4. / 3},
		CenterCrop:        0.875,
		RotateFill:        FillBlack,
		BlurSigma:         [2]float64{0.1, 2},
		BlurKernel:        0.1,
		SolarizeThreshold: 0.5,
		Mean:              ImageNetMean,
		Std:               ImageNetStd,
	}
}

// SimCLR is the augmentation of SimCLR at colour strength 1 (arXiv:2002.05709, appendix A).
//
// The official TensorFlow code (google-research/simclr data_util.py) differs from the PyTorch ports that this follows: it
// resizes by bicubic interpolation without antialiasing, tries 100 crops before it takes the whole picture, measures
// contrast against the mean of each channel, blurs with zero padding, and does not normalise. Its first version adds to
// the brightness where the second multiplies.
func SimCLR(size int) ImageConfig {
	c := plain(size)
	c.Flip = 0.5
	c.Jitter, c.Brightness, c.Contrast, c.Saturation, c.Hue = 0.8, 0.8, 0.8, 0.8, 0.2
	c.Grayscale = 0.2
	c.Blur = 0.5
	return c
}

// SimCLRSmall is SimCLR for pictures of about 32 pixels, as for CIFAR-10: colour strength 0.5, no blur (arXiv:2002.05709,
// appendix B.9), and the whole picture in evaluation.
func SimCLRSmall(size int) ImageConfig {
	c := SimCLR(size)
	c.CenterCrop = 1
	c.Brightness, c.Contrast, c.Saturation, c.Hue = 0.4, 0.4, 0.4, 0.1
	c.Blur = 0
	return c
}

// MoCoV1 is the augmentation of MoCo's first version (arXiv:1911.05722; facebookresearch/moco main_moco.py). There
// grayscale comes before the jitter, here after it, as in all later recipes.
func MoCoV1(size int) ImageConfig {
	c := plain(size)
	c.CropScale[0] = 0.2
	c.Flip = 0.5
	c.Jitter, c.Brightness, c.Contrast, c.Saturation, c.Hue = 1, 0.4, 0.4, 0.4, 0.4
	c.Grayscale = 0.2
	return c
}

// MoCoV2 is the augmentation of MoCo's second version (arXiv:2003.04297; facebookresearch/moco main_moco.py --aug-plus).
func MoCoV2(size int) ImageConfig {
	c := plain(size)
	c.CropScale[0] = 0.2
	c.Flip = 0.5
	c.Jitter, c.Brightness, c.Contrast, c.Saturation, c.Hue = 0.8, 0.4, 0.4, 0.4, 0.1
	c.Grayscale = 0.2
	c.Blur = 0.5
	return c
}

// BYOL is the pair of augmentations of BYOL, one for each view (arXiv:2006.07733, appendix B, table 6): the first is
// always blurred, the second seldom blurred and sometimes solarized. Barlow Twins uses the same pair
// (facebookresearch/barlowtwins main.py).
func BYOL(size int) [2]ImageConfig {
	c := plain(size)
	c.Interpolation = Bicubic
	c.Flip = 0.5
	c.Jitter, c.Brightness, c.Contrast, c.Saturation, c.Hue = 0.8, 0.4, 0.4, 0.2, 0.1
	c.Grayscale = 0.2
	first, second := c, c
	first.Blur = 1
	second.Blur, second.Solarize = 0.1, 0.2
	return [2]ImageConfig{first, second}
}

// BYOLSmall is BYOL for pictures of about 32 pixels, as for CIFAR-10: no blur, which leaves the second view's solarizing as the
// difference, and the whole picture in evaluation (vturrisi/solo-learn scripts/pretrain/cifar/augmentations/asymmetric.yaml,
// which its recipes for BYOL and Barlow Twins share).
func BYOLSmall(size int) [2]ImageConfig {
	views := BYOL(size)
	for i := range views {
		views[i].Blur = 0
		views[i].CenterCrop = 1
	}
	return views
}

// SwAV is the multi-crop augmentation of SwAV (arXiv:2006.09882, appendix A; facebookresearch/swav
// src/multicropdataset.py): two large crops of side size are drawn from the first configuration, six small ones of
// 3/7 of it (96 of 224) from the second. Both share one blur kernel, a tenth of the large side wide.
func SwAV(size int) (large, small ImageConfig) {
	large = SimCLR(size)
	large.CropScale = [2]float64{0.14, 1}
	large.Std = [3]float32{0.228, 0.224, 0.225} // as in the official code, which differs from ImageNetStd in red
	small = large
	small.Size = max(1, size*3/7)
	small.CropScale = [2]float64{0.05, 0.14}
	small.BlurKernel = large.BlurKernel * float64(large.Size) / float64(small.Size)
	return large, small
}

// SwAVSmall is SwAV for pictures of about 32 pixels: the large crops are those of lightly's benchmark on CIFAR-10
// (lightly-ai/lightly, cifar10_benchmark.py: colour strength 0.5, no blur, ImageNet's statistics), which has no small ones.
// Small crops, for those who want them, have the published share of the picture and half of the large side.
func SwAVSmall(size int) (large, small ImageConfig) {
	large = SimCLRSmall(size)
	large.CropScale = [2]float64{0.14, 1}
	small = large
	small.Size = max(1, size/2)
	small.CropScale = [2]float64{0.05, 0.14}
	return large, small
}

// CLIP is the augmentation of CLIP as open_clip trains it (mlfoundations/open_clip transform.py): a crop of nearly the
// whole picture and nothing else: no flip, no change of colour.
func CLIP(size int) ImageConfig {
	c := plain(size)
	c.Interpolation = Bicubic
	c.CropScale[0] = 0.9
	c.CenterCrop = 1
	c.Mean, c.Std = CLIPMean, CLIPStd
	return c
}
