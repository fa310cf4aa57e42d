package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tolerances are how far, by channel, a picture of testdata may be from what Pillow sees in it: on average and at most.
// Lossless files are exact but for the rounding of transparency; decoders of lossy ones may round and upsample chroma
// differently.
func tolerances(name string) (mean, most float64) {
	switch {
	case strings.HasPrefix(name, "cmyk"): // every channel is lossy, and converted once more
		return 3, 40
	case strings.HasPrefix(name, "turned") && strings.HasSuffix(name, ".jpg"): // without subsampling
		return 0.6, 3
	case strings.HasPrefix(name, "gray.jpg"):
		return 0.6, 2
	case strings.HasSuffix(name, ".jpg"), name == "color.webp", name == "lossy-alpha.webp":
		return 2, 12
	}
	return 0.5, 1
}

// pictures returns the files of testdata that have a reference.
func pictures(t testing.TB) []string {
	references, err := filepath.Glob("testdata/*.*.png")
	if err != nil || len(references) < 30 {
		t.Fatalf("%d pictures, %v", len(references), err)
	}
	for i, r := range references {
		references[i] = strings.TrimSuffix(r, ".png")
	}
	return references
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeAsPillow(t *testing.T) {
	var d Decoder
	var reused image.RGBA
	for _, path := range pictures(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			got, err := Decode(read(t, path))
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(read(t, path+".png")))
			if err != nil {
				t.Fatal(err)
			}
			if got.Rect != want.Bounds() || got.Stride != 4*got.Rect.Dx() || len(got.Pix) != got.Stride*got.Rect.Dy() || !got.Opaque() {
				t.Fatalf("%v, stride %d, %d bytes, opaque %v; want %v", got.Rect, got.Stride, len(got.Pix), got.Opaque(), want.Bounds())
			}
			var sum, most float64
			for y := range got.Rect.Dy() {
				for x := range got.Rect.Dx() {
					a, b := got.RGBAAt(x, y), color.RGBAModel.Convert(want.At(x, y)).(color.RGBA)
					for _, pair := range [][2]uint8{{a.R, b.R}, {a.G, b.G}, {a.B, b.B}} {
						diff := float64(max(pair[0], pair[1]) - min(pair[0], pair[1]))
						sum += diff
						most = max(most, diff)
					}
				}
			}
			mean := sum / float64(3*got.Rect.Dx()*got.Rect.Dy())
			if wantMean, wantMost := tolerances(name); mean > wantMean || most > wantMost {
				t.Errorf("differs by %.2f on average, by %v at most", mean, most)
			}
			if err := d.DecodeInto(&reused, read(t, path)); err != nil || !cmp.Equal(&reused, got) {
				t.Errorf("a decoder that was used before decodes otherwise (%v)", err)
			}
		})
	}
}

func TestTruncatedFiles(t *testing.T) {
	for _, path := range pictures(t) {
		if path == "testdata/animation.gif" {
			continue // what is needed of it, the first frame, may be there
		}
		b := read(t, path)
		for _, percent := range []int{30, 50, 80, 95} {
			img, err := Decode(b[:len(b)*percent/100])
			if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n") || img != nil {
				t.Errorf("%s cut to %d%%: error %v", path, percent, err)
			}
		}
	}
}

func TestNoImage(t *testing.T) {
	for content, want := range map[string]error{
		"":                         ErrEmpty,
		"\xff":                     ErrFormat,
		"BM":                       ErrFormat,
		"BMW, a car":               ErrFormat,
		"<svg></svg>":              ErrFormat,
		"RIFF\x00\x00\x00\x00WAVE": ErrFormat,
		"\x89PNG\r\n\x1a\n":        ErrDamaged,
		"\xff\xd8\xff":             ErrDamaged,
		"GIF89a":                   ErrDamaged,
		"II*\x00":                  ErrDamaged,
	} {
		if _, err := Decode([]byte(content)); !errors.Is(err, want) {
			t.Errorf("%q: error %v", content, err)
		}
	}
}

// bomb returns a small file of the format whose header announces w x h pixels.
func bomb(name string, w, h int) []byte {
	le16, le32, be16, be32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32, binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32
	switch name {
	case "png":
		chunk := append(be32(be32([]byte("IHDR"), uint32(w)), uint32(h)), 8, 2, 0, 0, 0)
		b := append(be32([]byte("\x89PNG\r\n\x1a\n"), uint32(len(chunk)-4)), chunk...)
		return be32(b, crc32.ChecksumIEEE(chunk))
	case "gif":
		return append(le16(le16([]byte("GIF89a"), uint16(w)), uint16(h)), 0, 0, 0)
	case "bmp":
		b := append([]byte("BM"), make([]byte, 8)...)
		b = le32(le32(le32(le32(b, 54), 40), uint32(w)), uint32(h))
		return append(le16(le16(b, 1), 24), make([]byte, 24)...)
	case "jpeg":
		b := be16(be16([]byte("\xff\xd8\xff\xc0\x00\x11\x08"), uint16(h)), uint16(w))
		return append(b, "\x03\x01\x22\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"...)
	case "webp":
		b := append([]byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), 0, 0, 0, 0)
		return append(append(b, le32(nil, uint32(w-1))[:3]...), le32(nil, uint32(h-1))[:3]...)
	case "tiff":
		b := le16([]byte("II*\x00\x08\x00\x00\x00"), 5)
		for _, entry := range [][2]uint32{{256, uint32(w)}, {257, uint32(h)}, {258, 8}, {262, 1}, {273, 8}} {
			b = le32(le32(le16(le16(b, uint16(entry[0])), 4), 1), entry[1])
		}
		return b
	}
	panic(name)
}

func TestBombsAreRefusedByTheirHeader(t *testing.T) {
	for _, test := range []struct {
		format string
		w, h   int
	}{
		{"png", 100_000, 100_000}, {"png", 1<<31 - 1, 1<<31 - 1}, {"bmp", 100_000, 100_000}, {"tiff", 100_000, 100_000},
		{"tiff", 1 << 30, 1 << 30}, {"jpeg", 65535, 65535}, {"gif", 65535, 65535}, {"webp", 1 << 14, 1 << 14},
	} {
		b := bomb(test.format, test.w, test.h)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(b)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) && !(test.h >= 1<<30 && errors.Is(err, ErrDamaged)) {
			t.Errorf("%s of %d x %d: error %v", test.format, test.w, test.h, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
			t.Errorf("%s of %d x %d: allocated %d bytes", test.format, test.w, test.h, allocated)
		}
	}
}

func TestMaxPixels(t *testing.T) {
	b := read(t, "testdata/color.jpg") // 22 x 14
	for maxPixels, want := range map[int]error{22 * 14: nil, 22*14 - 1: ErrTooLarge, 1: ErrTooLarge} {
		d := Decoder{MaxPixels: maxPixels}
		if err := d.DecodeInto(new(image.RGBA), b); !errors.Is(err, want) {
			t.Errorf("%d: error %v", maxPixels, err)
		}
	}
}

// TestOrient checks orientations 2 to 8 by what CIPA DC-008 says of each: where row 0 and column 0 of the stored picture
// are seen.
func TestOrient(t *testing.T) {
	row := map[int]string{2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right", 8: "left"}
	column := map[int]string{2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 6).Draw(t, "w"), rapid.IntRange(1, 6).Draw(t, "h")
		orientation := rapid.IntRange(2, 8).Draw(t, "orientation")
		src, dst := image.NewRGBA(image.Rect(0, 0, w, h)), new(image.RGBA)
		for i := range src.Pix {
			src.Pix[i] = byte(i)
		}
		orient(dst, src, orientation)
		at := func(x, y int) image.Point { // where the stored pixel is seen
			var p image.Point
			for _, side := range []struct {
				name string
				from int
			}{{row[orientation], y}, {column[orientation], x}} {
				switch side.name {
				case "top":
					p.Y = side.from
				case "bottom":
					p.Y = dst.Rect.Dy() - 1 - side.from
				case "left":
					p.X = side.from
				case "right":
					p.X = dst.Rect.Dx() - 1 - side.from
				}
			}
			return p
		}
		for y := range h {
			for x := range w {
				if p := at(x, y); dst.RGBAAt(p.X, p.Y) != src.RGBAAt(x, y) {
					t.Fatalf("pixel %d,%d is not at %v", x, y, p)
				}
			}
		}
	})
}

func TestMalformedOrientation(t *testing.T) {
	exif := "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
	if got := tiffOrientation([]byte(exif)); got != 6 {
		t.Fatalf("orientation %d", got)
	}
	big := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
	if got := tiffOrientation([]byte(big)); got != 6 {
		t.Fatalf("big-endian: orientation %d", got)
	}
	for name, b := range map[string]string{
		"nothing":         "",
		"cut":             exif[:20],
		"far directory":   strings.Replace(exif, "\x08\x00\x00\x00", "\xff\xff\xff\xff", 1),
		"orientation 0":   strings.Replace(exif, "\x06\x00\x00\x00", "\x00\x00\x00\x00", 1),
		"orientation 9":   strings.Replace(exif, "\x06\x00\x00\x00", "\x09\x00\x00\x00", 1),
		"another type":    strings.Replace(exif, "\x12\x01\x03", "\x12\x01\x02", 1),
		"several values":  strings.Replace(exif, "\x03\x00\x01", "\x03\x00\x02", 1),
		"no entries":      strings.Replace(exif, "\x01\x00\x12", "\x00\x00\x12", 1),
		"entries missing": strings.Replace(exif, "\x01\x00\x12\x01", "\xff\xff\x13\x01", 1),
	} {
		if got := tiffOrientation([]byte(b)); got != upright {
			t.Errorf("%s: orientation %d", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, path := range pictures(f) {
		f.Add(read(f, path))
	}
	for i := range formats {
		f.Add(bomb(formats[i].name, 50, 50))
	}
	var d Decoder
	d.MaxPixels = 1 << 16
	f.Fuzz(func(t *testing.T, b []byte) {
		var img image.RGBA
		err := d.DecodeInto(&img, b)
		if err != nil {
			if !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrDamaged) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if img.Rect.Min != (image.Point{}) || len(img.Pix) != 4*img.Rect.Dx()*img.Rect.Dy() || len(img.Pix) == 0 || !img.Opaque() {
			t.Fatalf("%v, %d bytes, opaque %v", img.Rect, len(img.Pix), img.Opaque())
		}
	})
}
