// Command emoji divides the pairs of emoji-pairs.tar.gz, emoji as two vendors draw them with their names, into tables to train and to
// test on:
//
//	tar xzf emoji-pairs.tar.gz
//	go run ./bench/emoji --pairs emoji/pairs.jsonl --out tables
//
// The rule is in split.go. Tables are JSON lines with the columns image, caption, tags, category, kind, codepoint,
// vendor and drawing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/alike-ml/alike/internal/atomicfile"
)

type command struct {
	Pairs string `required:"" placeholder:"FILE" help:"pairs.jsonl of the unpacked archive."`
	Out   string `required:"" placeholder:"DIR" help:"Where to write the tables."`
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("emoji"), kong.Description("Divide emoji and their names into tables to train and to test on."))
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "emoji:", err)
		os.Exit(1)
	}
}

func (c command) run() error {
	rows, err := readRows(c.Pairs)
	if err != nil {
		return err
	}
	tables, err := divide(rows)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Pairs, err)
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return err
	}
	pictures, err := between(c.Out, filepath.Dir(c.Pairs))
	if err != nil {
		return err
	}
	for _, t := range tables {
		path := filepath.Join(c.Out, t.name+".jsonl")
		if err := writeRows(path, pictures, t.rows); err != nil {
			return err
		}
		fmt.Printf("%s: %d pairs, %s\n", path, len(t.rows), t.what)
	}
	return nil
}

// between returns the path of one folder from another.
func between(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

func readRows(path string) ([]emoji, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var rows []emoji
	for lines := bufio.NewScanner(file); ; {
		if !lines.Scan() {
			return rows, lines.Err()
		}
		var e emoji
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, len(rows)+1, err)
		}
		e.Vendor = filepath.Dir(e.Image)
		rows = append(rows, e)
	}
}

func writeRows(path, pictures string, rows []emoji) error {
	return atomicfile.Write(path, func(out io.Writer) error {
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		for _, e := range rows {
			e.Image = filepath.ToSlash(filepath.Join(pictures, e.Image))
			if err := lines.Encode(e); err != nil {
				return err
			}
		}
		return nil
	})
}
