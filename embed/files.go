package embed

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/npy"
	"github.com/alike-ml/alike/metric"
)

// An Item is a picture that a vector was made of.
type Item struct {
	// Path is the picture's file, relative to the folder that was opened, with forward slashes.
	Path string `json:"path" parquet:"path"`
	// Class is the name of its class, "" for none.
	Class string `json:"class,omitempty" parquet:"class,optional"`
}

// record is a line of a .jsonl file, and a row of a .parquet file.
type record struct {
	Item
	Vector []float32 `json:"vector" parquet:"vector"`
}

// CheckFile returns an error unless path's ending names a format that [WriteFile] knows.
func CheckFile(path string) error {
	switch filepath.Ext(path) {
	case ".npy", ".jsonl", ".parquet":
		return nil
	}
	return fmt.Errorf("%s: cannot tell the format: let the name end in .npy, .jsonl or .parquet", path)
}

// ItemsFile is the file beside a .npy file that names the picture of each row, a JSON object a line.
func ItemsFile(path string) string { return path + ".items.jsonl" }

// WriteFile writes vectors [n, dim] and their n items in the format that path's ending names:
//
//	.npy      float32 [n, dim], and beside it [ItemsFile]
//	.jsonl    a line an item: {"path": ..., "class": ..., "vector": [...]}
//	.parquet  a row an item: path, class, vector
//
// A file that cannot be written whole is not written at all.
func WriteFile(path string, vectors metric.Matrix, items []Item) error {
	if err := CheckFile(path); err != nil {
		return err
	}
	if len(items) != vectors.Rows {
		return fmt.Errorf("%d vectors but %d items", vectors.Rows, len(items))
	}
	switch filepath.Ext(path) {
	case ".npy":
		if err := atomicfile.Write(ItemsFile(path), func(w io.Writer) error { return writeItems(w, items) }); err != nil {
			return err
		}
		if err := atomicfile.Write(path, func(w io.Writer) error { return writeNPY(w, vectors) }); err != nil {
			return errors.Join(err, os.Remove(ItemsFile(path))) // it would name rows that are not there
		}
		return nil
	case ".jsonl":
		return atomicfile.Write(path, func(w io.Writer) error { return writeJSONL(w, vectors, items) })
	default:
		return atomicfile.Write(path, func(w io.Writer) error { return writeParquet(w, vectors, items) })
	}
}

func writeItems(w io.Writer, items []Item) error {
	buffer := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffer)
	for _, item := range items {
		if err := encoder.Encode(item); err != nil {
			return err
		}
	}
	return buffer.Flush()
}

func writeNPY(w io.Writer, vectors metric.Matrix) error {
	buffer := bufio.NewWriter(w)
	writer, err := npy.NewWriter(buffer, vectors.Rows, vectors.Cols)
	if err != nil {
		return err
	}
	for i := range vectors.Rows {
		if err := writer.WriteRow(vectors.Row(i)); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return buffer.Flush()
}

func writeJSONL(w io.Writer, vectors metric.Matrix, items []Item) error {
	buffer := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffer)
	for i, item := range items {
		if err := encoder.Encode(record{item, vectors.Row(i)}); err != nil {
			return fmt.Errorf("%s: %w", item.Path, err)
		}
	}
	return buffer.Flush()
}

func writeParquet(w io.Writer, vectors metric.Matrix, items []Item) error {
	writer := parquet.NewGenericWriter[record](w, parquet.Compression(&parquet.Zstd))
	for i, item := range items {
		if _, err := writer.Write([]record{{item, vectors.Row(i)}}); err != nil {
			return err
		}
	}
	return writer.Close()
}

// Items names the pictures at the given places of an index.
func Items(images *data.Images, places []int) []Item {
	items := make([]Item, len(places))
	for i, place := range places {
		picture := images.Items[place]
		items[i].Path = picture.Path
		if picture.Label >= 0 {
			items[i].Class = images.Classes[picture.Label]
		}
	}
	return items
}
