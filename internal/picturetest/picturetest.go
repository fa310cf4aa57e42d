// Package picturetest makes folders of pictures for tests.
package picturetest

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

// Write writes a class folder for each name into dir, with n pictures of size x size pixels each. Pictures of a class share
// a colour and a direction of stripes; all else is noise of the seed.
func Write(dir string, names []string, n, size int, seed uint64) error {
	for class, name := range names {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		for i := range n {
			if err := write(filepath.Join(folder, fmt.Sprintf("%03d.png", i)), draw(class, i, size, seed)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Classes is [Write] for a test.
func Classes(t testing.TB, dir string, names []string, n, size int, seed uint64) {
	t.Helper()
	if err := Write(dir, names, n, size, seed); err != nil {
		t.Fatal(err)
	}
}

// Splits writes train/ and test/ into a new folder, each with classes a, b and c, and returns the folder.
func Splits(t testing.TB, train, test, size int) string {
	t.Helper()
	dir, names := t.TempDir(), []string{"a", "b", "c"}
	Classes(t, filepath.Join(dir, "train"), names, train, size, 1)
	Classes(t, filepath.Join(dir, "test"), names, test, size, 2)
	return dir
}

func draw(class, i, size int, seed uint64) image.Image {
	random := rng.New(seed, 0, i, class)
	picture := image.NewRGBA(image.Rect(0, 0, size, size))
	phase := random.IntN(size)
	for y := range size {
		for x := range size {
			stripe := (x + class*y + phase) / 3 % 2
			shade := uint8(60 + 90*stripe + random.IntN(60))
			c := color.RGBA{shade / 3, shade / 3, shade / 3, 255}
			switch class % 3 {
			case 0:
				c.R = shade
			case 1:
				c.G = shade
			case 2:
				c.B = shade
			}
			picture.SetRGBA(x, y, c)
		}
	}
	return picture
}

func write(path string, picture image.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(file, picture), file.Close())
}
