package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/token"
)

// tokenizerDir is where in a run's directory its tokenizer lies.
func tokenizerDir(run string) string { return filepath.Join(run, "tokenizer") }

// openTokenizer takes the tokenizer that the run in dir was started with, the one in the named folder, that of the pretrained encoder
// that the run starts from, or, where both names are empty, one that is made of the text to learn from.
func openTokenizer(dir, named, pretrained string, vocabulary token.TrainConfig, text *data.Text) (*token.Tokenizer, error) {
	kept := tokenizerDir(dir)
	if _, err := os.Stat(kept); err == nil {
		return token.Load(kept)
	}
	if named != "" {
		return token.Load(named)
	}
	if pretrained != "" {
		folder, err := openPretrained(pretrained)
		if err != nil {
			return nil, err
		}
		tokenizer, err := token.Load(folder.TokenizerDir)
		if err != nil {
			return nil, err
		}
		return tokenizer, folder.Suits(tokenizer.Encode)
	}
	var unread error
	t, err := token.Train(textsOf(text, &unread), vocabulary)
	if err = errors.Join(unread, err); err != nil {
		return nil, fmt.Errorf("cannot make a tokenizer of the text: %w", err)
	}
	return t, nil
}

// saveTokenizer writes a tokenizer into a folder of its own, whole or not at all. One that is there stays.
func saveTokenizer(t *token.Tokenizer, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	unfinished := dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil { // what a process that was killed had begun to write
		return fmt.Errorf("cannot clear the tokenizer's folder: %w", err)
	}
	if err := os.MkdirAll(unfinished, 0o755); err != nil {
		return fmt.Errorf("cannot make the tokenizer's folder: %w", err)
	}
	if err := t.Save(unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, dir)
}
