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

// An Item is a picture or a text that a vector was made of.
type Item struct {
	// Path is the picture's file, relative to the folder that was opened, with forward slashes; "" for a text.
	Path string `json:"path,omitempty" parquet:"path,optional"`
	// Text is the text, Line where its row begins in the file, from 1; "" and 0 for a picture.
	Text string `json:"text,omitempty" parquet:"text,optional"`
	Line int    `json:"line,omitempty" parquet:"line,optional"`
	// Class is the name of its class, "" for none.
	Class string `json:"class,omitempty" parquet:"class,optional"`
}

// name says which item it is.
func (i Item) name() string {
	if i.Path == "" {
		return fmt.Sprintf("line %d", i.Line)
	}
	return i.Path
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
//	.jsonl    a line an item: {"path": ..., "class": ..., "vector": [...]}, with "text" and "line" in the place of "path" for text
//	.parquet  a row an item: path, text, line, class, vector
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
			return fmt.Errorf("%s: %w", item.name(), err)
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

// TextItems names the texts of a file's rows in one of its columns, which are counted from 0.
func TextItems(text *data.Text, column int) ([]Item, error) {
	var items []Item
	for row, err := range text.Rows() {
		if err != nil {
			return nil, err
		}
		item := Item{Text: row.Texts[column], Line: row.Line}
		if row.Label >= 0 {
			item.Class = text.Classes[row.Label]
		}
		items = append(items, item)
	}
	return items, nil
}

// ReadNPY reads what [WriteFile] wrote to a .npy file and beside it.
func ReadNPY(path string) (metric.Matrix, []Item, error) {
	file, err := os.Open(path)
	if err != nil {
		return metric.Matrix{}, nil, err
	}
	defer file.Close()
	shape, values, err := npy.ReadFloat32(bufio.NewReader(file))
	if err != nil {
		return metric.Matrix{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(shape) != 2 {
		return metric.Matrix{}, nil, fmt.Errorf("%s has %d axes: vectors have two", path, len(shape))
	}
	names, err := os.Open(ItemsFile(path))
	if err != nil {
		return metric.Matrix{}, nil, err
	}
	defer names.Close()
	var items []Item
	for decoder := json.NewDecoder(bufio.NewReader(names)); ; {
		var item Item
		err := decoder.Decode(&item)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return metric.Matrix{}, nil, fmt.Errorf("%s, item %d: %w", ItemsFile(path), len(items)+1, err)
		}
		items = append(items, item)
	}
	if len(items) != shape[0] {
		return metric.Matrix{}, nil, fmt.Errorf("%s has %d vectors, %s %d items", path, shape[0], ItemsFile(path), len(items))
	}
	return metric.Matrix{Rows: shape[0], Cols: shape[1], Data: values}, items, nil
}
