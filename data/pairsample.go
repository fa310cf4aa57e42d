package data

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// sampleColumns returns the columns of the first sample of a shard: the ends of its members' names, and the keys of its JSON object.
func sampleColumns(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	s, err := openShard(file, filepath.Base(path), PairOptions{}, newPictureStore(filepath.Dir(path)), new(Skipped))
	if err != nil {
		return nil, err
	}
	first := ""
	columns := make(map[string]bool)
	for !s.ended {
		header, err := s.tar.Next()
		if err != nil {
			break // what there is of the sample is whole
		}
		key, extension, ok := member(header)
		if !ok {
			continue
		}
		if first == "" {
			first = key
		}
		if key != first {
			break
		}
		columns[extension] = true
		if extension != "json" || header.Size > maxRecord {
			continue
		}
		content, err := io.ReadAll(s.tar)
		if err != nil {
			break
		}
		if object, err := parseJSON(content); err == nil {
			for name := range object {
				columns[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(columns)), nil
}
