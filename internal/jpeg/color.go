package jpeg

import (
	"encoding/binary"
	"image"
)

// convert writes the decoded row of MCUs to dst from row top on.
func (d *Decoder) convert(dst *image.RGBA, top int) {
	y := &d.components[0]
	for r := range min(8*y.v, d.height-top) {
		out := dst.Pix[(top+r)*dst.Stride:][:4*d.width]
		luma := y.rows[r*y.stride:][:d.width]
		if len(d.components) == 1 {
			grayToRGBA(out, luma)
			continue
		}
		chroma := r / y.v * d.components[1].stride
		cb, cr := d.components[1].rows[chroma:], d.components[2].rows[chroma:]
		if y.h == 1 {
			fullToRGBA(out, luma, cb, cr)
		} else {
			halfToRGBA(out, luma, cb, cr)
		}
	}
}

func grayToRGBA(out, luma []byte) {
	for i, y := range luma {
		binary.LittleEndian.PutUint32(out[4*i:], uint32(y)*0x010101|opaque)
	}
}

// fullToRGBA converts a row with a chroma sample for each pixel.
func fullToRGBA(out, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for i, y := range luma {
		r, g, b := chromaToRGB(cb[i], cr[i])
		binary.LittleEndian.PutUint32(out[4*i:], rgba(y, r, g, b))
	}
}

// halfToRGBA converts a row with a chroma sample for each two pixels.
func halfToRGBA(out, luma, cb, cr []byte) {
	pairs := (len(luma) + 1) / 2
	cb, cr = cb[:pairs], cr[:pairs]
	for i := range cb {
		r, g, b := chromaToRGB(cb[i], cr[i])
		binary.LittleEndian.PutUint32(out, rgba(luma[0], r, g, b))
		if len(luma) == 1 {
			return
		}
		binary.LittleEndian.PutUint32(out[4:], rgba(luma[1], r, g, b))
		out, luma = out[8:], luma[2:]
	}
}

// opaque is the alpha of a pixel.
const opaque = 0xff000000

// chromaToRGB returns what the chroma adds to red, green and blue, with 16 fractional bits: JFIF's formulae with the
// factors of color.YCbCrToRGB.
func chromaToRGB(cb, cr byte) (r, g, b int32) {
	u, v := int32(cb)-128, int32(cr)-128
	return 91881 * v, -22554*u - 46802*v, 116130 * u
}

// rgba returns a pixel, red in the lowest byte. Luma is scaled so that 255 stays 255 when the fraction is cut off.
func rgba(luma byte, r, g, b int32) uint32 {
	y := int32(luma) * 0x10101
	r, g, b = (y+r)>>16, (y+g)>>16, (y+b)>>16
	if uint32(r|g|b) > 255 { // rare, so it stays out of the way
		return clippedRGBA(r, g, b)
	}
	return uint32(r|g<<8|b<<16) | opaque
}

//go:noinline
func clippedRGBA(r, g, b int32) uint32 {
	return uint32(clip(r)) | uint32(clip(g))<<8 | uint32(clip(b))<<16 | opaque
}
