package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/internal/atomicfile"
)

// The files of a tokenizer's folder, as Hugging Face's tools name them.
const (
	vocabFile  = "vocab.txt"
	configFile = "tokenizer_config.json"
)

// A file is one of those that a tokenizer was made from: what Save writes is what Load read.
type file struct {
	name    string
	content []byte
}

// Load reads the tokenizer of a model folder: tokenizer.json, or else vocab.txt, BERT's list of a token a line, with
// tokenizer_config.json where there is one; or bpe_simple_vocab_16e6.txt.gz, CLIP's list of merges. Errors name the file, and the line or the part of it. What a tokenizer.json asks for and
// this package does not do is an error too.
func Load(dir string) (*Tokenizer, error) {
	config, err := readFile(dir, configFile)
	if err != nil {
		return nil, err
	}
	for _, source := range []struct {
		name  string
		parse func(text, config []byte) (*Tokenizer, error)
	}{{jsonFile, parseJSON}, {vocabFile, parseBERT}, {clipFile, parseCLIP}} {
		text, err := readFile(dir, source.name)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		t, err := source.parse(text, config)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s holds no tokenizer: there is no %s, %s or %s", dir, jsonFile, vocabFile, clipFile)
}

// Save writes the tokenizer into the folder dir, which has to exist, as files that Load and Hugging Face's tools read.
func (t *Tokenizer) Save(dir string) error {
	for _, f := range t.files {
		err := atomicfile.Write(filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := w.Write(f.content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readFile returns what is in a file of a folder, nil when it is not there.
func readFile(dir, name string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read the tokenizer: %w", err)
	case content == nil:
		content = []byte{}
	}
	return content, nil
}
