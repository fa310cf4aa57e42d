//go:build ignore

// This program makes photos.tar.gz, the demo's photographs, from a folder with the clothing data set's train/ and test/:
//
//	go run photos_generate.go FOLDER
//
// Every picture is resized so that its shorter side is 48 pixels, written as a JPEG of quality 75 and put, in the order of
// the paths, into a tar file without dates or owners. The split, by the person who sent the photographs, is kept.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"image"
	"image/jpeg"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/image/draw"
)

const (
	shorterSide = 48
	quality     = 75
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run photos_generate.go FOLDER")
	}
	if err := pack(os.DirFS(os.Args[1]), "photos.tar.gz"); err != nil {
		log.Fatal(err)
	}
}

func pack(folder fs.FS, path string) error {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	err = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.EqualFold(filepath.Ext(name), ".jpg") {
			return err
		}
		small, err := shrink(folder, name)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(small)), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		_, err = archive.Write(small)
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func shrink(folder fs.FS, name string) ([]byte, error) {
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	picture, err := jpeg.Decode(file)
	if err != nil {
		return nil, err
	}
	size := picture.Bounds().Size()
	short := min(size.X, size.Y)
	small := image.NewRGBA(image.Rect(0, 0, (size.X*shorterSide+short/2)/short, (size.Y*shorterSide+short/2)/short))
	draw.CatmullRom.Scale(small, small.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	err = jpeg.Encode(&out, small, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}
