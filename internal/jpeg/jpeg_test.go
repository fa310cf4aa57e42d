package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// decode decodes with this package, into a picture full of other pixels.
func decode(d *Decoder, b []byte) (*image.RGBA, error) {
	w, h, err := d.Header(b)
	if err != nil {
		return nil, err
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range dst.Pix {
		dst.Pix[i] = 0x55
	}
	return dst, d.Pixels(dst)
}

// reference decodes with image/jpeg.
func reference(b []byte) (*image.RGBA, error) {
	img, err := stdjpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	dst := image.NewRGBA(img.Bounds())
	draw.Draw(dst, dst.Rect, img, image.Point{}, draw.Src)
	return dst, nil
}

// check fails unless this package decodes b to the pixels of image/jpeg.
func check(t interface{ Fatalf(string, ...any) }, d *Decoder, b []byte) {
	want, err := reference(b)
	if err != nil {
		t.Fatalf("image/jpeg: %v", err)
	}
	got, err := decode(d, b)
	if err != nil {
		t.Fatalf("error %v", err)
	}
	if got.Rect != want.Rect {
		t.Fatalf("size %v, want %v", got.Rect, want.Rect)
	}
	for i := range got.Pix {
		if got.Pix[i] != want.Pix[i] {
			t.Fatalf("pixel %d, channel %d: %d, want %d", i/4, i%4, got.Pix[i], want.Pix[i])
		}
	}
}

// writer writes JPEG files of random coefficients.
type writer struct {
	bytes.Buffer
	random *rand.Rand
	codes  [2][256]struct {
		code uint32
		bits int
	}
	symbols [2][]byte
	pending uint32
	count   int
}

func (w *writer) segment(marker byte, b ...byte) {
	w.Write(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(b))))
	w.Write(b)
}

// huffman writes a table that gives the symbols codes of 3, 5, 9 and 16 bits, at random.
func (w *writer) huffman(class byte) {
	var symbols []byte
	if class == dcClass {
		symbols = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	} else {
		symbols = []byte{endOfBlock, 0xf0}
		for run := range byte(16) {
			for size := byte(1); size <= 10; size++ {
				symbols = append(symbols, run<<4|size)
			}
		}
	}
	w.random.Shuffle(len(symbols), func(i, j int) { symbols[i], symbols[j] = symbols[j], symbols[i] })
	w.symbols[class] = symbols
	lengths := make([]byte, 16)
	code, previous := uint32(0), 3
	for i, s := range symbols {
		bits := 16
		switch {
		case i < 4:
			bits = 3
		case i < 8:
			bits = 5
		case i < 40:
			bits = 9
		}
		code <<= bits - previous
		previous = bits
		lengths[bits-1]++
		w.codes[class][s].code, w.codes[class][s].bits = code, bits
		code++
	}
	w.segment(markerDHT, append(append([]byte{class << 4}, lengths...), symbols...)...)
}

func (w *writer) bitsOf(value uint32, bits int) {
	for i := bits - 1; i >= 0; i-- {
		w.pending = w.pending<<1 | value>>i&1
		if w.count++; w.count == 8 {
			w.WriteByte(byte(w.pending))
			if byte(w.pending) == 0xff {
				w.WriteByte(0)
			}
			w.pending, w.count = 0, 0
		}
	}
}

// flush fills the last byte with ones.
func (w *writer) flush() {
	for w.count > 0 {
		w.bitsOf(1, 1)
	}
}

func (w *writer) symbol(class int, s byte) {
	w.bitsOf(w.codes[class][s].code, w.codes[class][s].bits)
	w.bitsOf(w.random.Uint32(), int(s&15))
}

func (w *writer) randomBlock() {
	w.symbol(dcClass, w.symbols[dcClass][w.random.IntN(12)])
	stop := w.random.IntN(80)
	for k := 1; k < 64; {
		s := w.symbols[acClass][w.random.IntN(len(w.symbols[acClass]))]
		next := k + int(s>>4) + 1
		if k > stop || next > 64 || s == endOfBlock {
			w.symbol(acClass, endOfBlock)
			return
		}
		w.symbol(acClass, s)
		k = next
	}
}

// randomFile returns a file of random coefficients and tables; h and v are the sampling factors of its luma.
func randomFile(random *rand.Rand, width, height, components, h, v, restart int) []byte {
	w := &writer{random: random}
	w.Write([]byte{0xff, markerSOI})
	w.segment(markerAPP0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")...)
	for table := range byte(2) {
		quant := []byte{table}
		scale := 1 + random.IntN(30)
		for range 64 {
			quant = append(quant, byte(1+random.IntN(scale)))
		}
		w.segment(markerDQT, quant...)
	}
	frame := binary.BigEndian.AppendUint16([]byte{8}, uint16(height))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(width)), byte(components))
	scan := []byte{byte(components)}
	for i := range byte(components) {
		factors := byte(0x11)
		if i == 0 {
			factors = byte(h<<4 | v)
		}
		frame = append(frame, i+1, factors, min(i, 1))
		scan = append(scan, i+1, 0)
	}
	w.segment(markerSOF0, frame...)
	w.huffman(dcClass)
	w.huffman(acClass)
	if restart > 0 {
		w.segment(markerDRI, 0, byte(restart))
	}
	w.segment(markerSOS, append(scan, 0, 63, 0)...)
	blocks := h*v + components - 1
	if components == 1 {
		blocks, h, v = 1, 1, 1
	}
	total := ceilDiv(width, 8*h) * ceilDiv(height, 8*v)
	for mcu := range total {
		if restart > 0 && mcu > 0 && mcu%restart == 0 {
			w.flush()
			w.Write([]byte{0xff, byte(markerRST0 + (mcu/restart-1)%8)})
		}
		for range blocks {
			w.randomBlock()
		}
	}
	w.flush()
	w.Write([]byte{0xff, markerEOI})
	return w.Bytes()
}

// TestRandomFiles decodes whatever a plain file can hold: coefficients far outside what photos have, codes of all lengths.
func TestRandomFiles(t *testing.T) {
	var d Decoder // shared, as a run's is: nothing of one file may show in the next
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		width, height := rapid.IntRange(1, 50).Draw(t, "width"), rapid.IntRange(1, 50).Draw(t, "height")
		components := rapid.SampledFrom([]int{1, 3}).Draw(t, "components")
		h, v := rapid.IntRange(1, 2).Draw(t, "h"), rapid.IntRange(1, 2).Draw(t, "v")
		restart := rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "restart")
		check(t, &d, randomFile(random, width, height, components, h, v, restart))
	})
}

// TestPhotos decodes what the standard library's encoder makes of smooth pictures.
func TestPhotos(t *testing.T) {
	var d Decoder
	for _, quality := range []int{1, 30, 75, 95, 100} {
		for _, size := range []image.Point{{1, 1}, {8, 8}, {17, 16}, {33, 47}, {64, 85}} {
			check(t, &d, photo(size.X, size.Y, quality))
		}
	}
}

// photo returns the file of a smooth picture with some noise.
func photo(w, h, quality int) []byte {
	random := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := m.PixOffset(x, y)
			for c, v := range []int{200 * x / w, 200 * y / h, 100 + 100*(x-y)/(w+h), 255} {
				m.Pix[at+c] = byte(min(v+random.IntN(12), 255))
			}
		}
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestOther has files that are not plain, each one step away from one that is.
func TestOther(t *testing.T) {
	plain := randomFile(rand.New(rand.NewPCG(1, 2)), 30, 20, 3, 2, 2, 2)
	var d Decoder
	check(t, &d, plain)
	replaced := func(old, new string) []byte {
		if !bytes.Contains(plain, []byte(old)) {
			t.Fatalf("no %q", old)
		}
		return bytes.Replace(plain, []byte(old), []byte(new), 1)
	}
	frame := "\xff\xc0\x00\x11\x08\x00\x14\x00\x1e\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
	for name, b := range map[string][]byte{
		"progressive":         replaced("\xff\xc0", "\xff\xc2"),
		"12 bits":             replaced("\x11\x08\x00\x14", "\x11\x0c\x00\x14"),
		"no height":           replaced("\x08\x00\x14", "\x08\x00\x00"),
		"two frames":          replaced(frame, frame+frame),
		"4:1:1":               replaced("\x01\x22\x00", "\x01\x41\x00"),
		"RGB by name":         replaced(frame, "\xff\xc0\x00\x11\x08\x00\x14\x00\x1e\x03R\x22\x00G\x11\x01B\x11\x01"),
		"RGB by Adobe":        replaced("\xff\xc0", "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00\xff\xc0"),
		"table of 16 bits":    replaced("\xff\xdb\x00\x43\x00", "\xff\xdb\x00\x43\x10"),
		"unknown marker":      replaced("\xff\xdd", "\xff\xdc"),
		"other end":           replaced("\xff\xd9", "\xff\xc9"),
		"restart out of step": replaced("\xff\xd0", "\xff\xd3"),
		"nothing":             nil,
	} {
		if _, err := decode(&d, b); !errors.Is(err, ErrOther) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for n := range plain {
		if _, err := decode(&d, plain[:n]); !errors.Is(err, ErrOther) {
			t.Errorf("cut to %d of %d bytes: error %v", n, len(plain), err)
		}
	}
	check(t, &d, plain)
	if err := d.Pixels(image.NewRGBA(image.Rect(0, 0, 30, 21))); err == nil {
		t.Error("decoded into a picture of another size")
	}
}

// TestNoGarbage holds once a decoder has seen the largest file.
func TestNoGarbage(t *testing.T) {
	files := [][]byte{photo(64, 64, 90), photo(31, 40, 50)}
	dst := []*image.RGBA{image.NewRGBA(image.Rect(0, 0, 64, 64)), image.NewRGBA(image.Rect(0, 0, 31, 40))}
	var d Decoder
	if n := testing.AllocsPerRun(5, func() {
		for i, b := range files {
			d.Header(b)
			if err := d.Pixels(dst[i]); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDecode looks for a file that this package decodes and image/jpeg does not, or not to the same pixels.
func FuzzDecode(f *testing.F) {
	for i := range uint64(8) {
		random := rand.New(rand.NewPCG(i, 0))
		f.Add(randomFile(random, 1+int(i)*3, 17, 1+int(i)%2*2, 1+int(i)/2%2, 1+int(i)/4, int(i)%3))
	}
	f.Add(photo(20, 20, 80))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Decoder
		if w, h, err := d.Header(b); err != nil || w*h > 1<<20 {
			return
		}
		if _, err := decode(&d, b); err == nil {
			check(t, &d, b)
		}
	})
}

// BenchmarkDecode has one photo of the size of CIFAR's and one of ImageNet's.
func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{32, 350} {
		file := photo(size, size*3/4, 90)
		dst := image.NewRGBA(image.Rect(0, 0, size, size*3/4))
		b.Run(fmt.Sprintf("%dpx", size), func(b *testing.B) {
			var d Decoder
			for b.Loop() {
				if _, _, err := d.Header(file); err != nil {
					b.Fatal(err)
				}
				if err := d.Pixels(dst); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dpx/std", size), func(b *testing.B) {
			for b.Loop() {
				if _, err := reference(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
