package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxFiles is the most files that one name may stand for.
const maxFiles = 100_000

// pairPaths returns the files that a path stands for, at least one: the file of that name; the shards of a folder, or its only table;
// or, of a name with braces and wildcards, the files that it matches, as in shard-{000..009}.tar and train-*.parquet. A file that the
// braces name and that is not there is an error.
func pairPaths(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return pairFolderPaths(path)
	case err == nil || !strings.ContainsAny(path, "{*?["):
		return []string{path}, nil // what is wrong with it will be said when it is opened
	}
	names, err := expandBraces(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []string
	for _, name := range names {
		if !strings.ContainsAny(name, "*?[") {
			if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("no such file: %s, of %s", name, path)
			}
			all = append(all, name)
			continue
		}
		matches, err := filepath.Glob(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(matches) == 0 {
			return nil, fmt.Errorf("no file is called %s", name)
		}
		all = append(all, matches...)
	}
	return all, nil
}

// pairFolderPaths returns the shards of a folder, in the order of their names, or its only table.
func pairFolderPaths(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", folder, reason(err))
	}
	var shards, tables []string
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch format := pairFormat(path); {
		case hidden(entry.Name()) || format == "" || entry.IsDir():
		case format == "tar":
			shards = append(shards, path)
		default:
			tables = append(tables, path)
		}
	}
	switch {
	case len(shards) > 0:
		return shards, nil
	case len(tables) == 1:
		return tables, nil
	case len(tables) == 0:
		return nil, fmt.Errorf("%s holds no shards (.tar) and no table (.%s)", folder, strings.Join(pairTables, ", ."))
	}
	return nil, fmt.Errorf("%s holds %d tables: give one of them, or several by a name with wildcards, as in %s", folder, len(tables),
		filepath.Join(folder, "train-*"+filepath.Ext(tables[0])))
}

// expandBraces returns the names that a name with braces stands for, in order: {a,b} is a, then b; {08..10} is 08, 09 and 10, and
// {8..10} 8, 9 and 10.
func expandBraces(name string) ([]string, error) {
	before, rest, ok := strings.Cut(name, "{")
	if !ok {
		return []string{name}, nil
	}
	inside, after, ok := strings.Cut(rest, "}")
	if !ok {
		return nil, errors.New("a brace is not closed")
	}
	choices := strings.Split(inside, ",")
	if first, last, ok := strings.Cut(inside, ".."); ok && len(choices) == 1 {
		var err error
		if choices, err = numbersFrom(first, last); err != nil {
			return nil, err
		}
	}
	ends, err := expandBraces(after)
	if err != nil {
		return nil, err
	}
	if len(choices)*len(ends) > maxFiles {
		return nil, fmt.Errorf("it stands for more than %d files", maxFiles)
	}
	var names []string
	for _, choice := range choices {
		for _, end := range ends {
			names = append(names, before+choice+end)
		}
	}
	return names, nil
}

// numbersFrom returns the numbers of a range with as many digits as the first.
func numbersFrom(first, last string) ([]string, error) {
	a, err := strconv.ParseUint(first, 10, 32)
	b, errB := strconv.ParseUint(last, 10, 32)
	if err = errors.Join(err, errB); err != nil || b < a || b-a >= maxFiles {
		return nil, fmt.Errorf("{%s..%s} must be a number and a larger one, of at most %d files", first, last, maxFiles)
	}
	var all []string
	for n := a; n <= b; n++ {
		all = append(all, fmt.Sprintf("%0*d", len(first), n))
	}
	return slices.Clip(all), nil
}
