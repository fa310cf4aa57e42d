package token

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alike-ml/alike/internal/nearest"
)

// TrainConfig says what vocabulary is made of one's own text.
type TrainConfig struct {
	Kind      Kind `yaml:"kind" help:"wordpiece, BERT's; or bpe, RoBERTa's, made of bytes, to which no character is unknown"`
	Size      int  `yaml:"size" help:"tokens of the vocabulary, at most"`
	MinCount  int  `yaml:"min_count" help:"how often two pieces have to stand beside each other to become one"`
	Alphabet  int  `yaml:"alphabet" help:"wordpiece: characters that have tokens, the most frequent ones; a word with another is unknown"`
	Lowercase bool `yaml:"lowercase" help:"capitals become small letters; with wordpiece, accents go too"`
}

// A Kind is how words are taken apart.
type Kind string

// The kinds of vocabularies that Train makes.
const (
	WordPiece Kind = "wordpiece"
	BytePair  Kind = "bpe"
)

// DefaultTrain returns the settings for some ten thousand to a million sentences in languages with an alphabet. BERT's 30,522
// tokens were made for far more text, and a table of embeddings that is four times as large learns slower from little.
func DefaultTrain() TrainConfig {
	return TrainConfig{Kind: WordPiece, Size: 8000, MinCount: 2, Alphabet: 500, Lowercase: true}
}

// The first tokens of a vocabulary that Train makes.
var (
	bertSpecials = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	byteSpecials = []string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"}
)

// Train makes a vocabulary of texts, and a tokenizer with it. The tokens are found by merging the most frequent pairs, as Hugging
// Face's trainers find them. The same texts in any order give the same vocabulary.
func Train(texts iter.Seq[string], c TrainConfig) (*Tokenizer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var scanner scanner = newBertScanner(bertNormalizer{Clean: true, Ideographs: true, Lowercase: c.Lowercase})
	learn := learnWordPieces
	if c.Kind == BytePair {
		scanner, learn = byteScanner(c.Lowercase), learnBytePairs
	}
	words := wordCounter{}
	var b buffers
	var bytes []byte
	for text := range texts {
		bytes = append(bytes[:0], text...)
		scanner.scan(words, &b, bytes, true)
	}
	if len(words) == 0 {
		return nil, errors.New("no words to make a vocabulary of: the texts are empty")
	}
	files, err := learn(words, c)
	if err != nil {
		return nil, err
	}
	return files.parse()
}

func (c TrainConfig) check() error {
	if c.Kind != WordPiece && c.Kind != BytePair {
		return fmt.Errorf("a vocabulary of kind %q%s; there are %s and %s", c.Kind, nearest.Suggestion(string(c.Kind), []string{string(WordPiece), string(BytePair)}), WordPiece, BytePair)
	}
	for _, setting := range []struct {
		name  string
		value int
	}{{"size", c.Size}, {"min_count", c.MinCount}, {"alphabet", c.Alphabet}} {
		if setting.value < 1 {
			return fmt.Errorf("%s of a vocabulary is %d; it has to be 1 or more", setting.name, setting.value)
		}
	}
	return nil
}

// A wordCounter counts words.
type wordCounter map[string]*int

func (c wordCounter) word(word []byte) bool {
	if len(word) == 0 || utf8.RuneCount(word) > wordPieceRunes {
		return true
	}
	if count, known := c[string(word)]; known {
		*count++
	} else {
		one := 1
		c[string(word)] = &one
	}
	return true
}

// token leaves out what is no word.
func (c wordCounter) token(int32) bool { return true }

// byteScanner splits as GPT-2 does, and writes bytes as characters.
func byteScanner(small bool) *generalScanner {
	s := &generalScanner{split: byteLevelSplitter(false, true)}
	if small {
		s.normalizers = []normalizer{lowercase}
	}
	return s
}

// learnBytePairs makes a vocabulary in the order of its ids: special tokens, bytes, merges.
func learnBytePairs(words wordCounter, c TrainConfig) (folder, error) {
	l := newLearner(func(a, b string) string { return a + b })
	for _, special := range byteSpecials {
		l.symbol(special)
	}
	letters := slices.Sorted(slices.Values(byteLetters[:]))
	for _, letter := range letters {
		l.symbol(string(letter))
	}
	if len(l.symbols) > c.Size {
		return nil, fmt.Errorf("a vocabulary of %d tokens has no room for the %d of single bytes: give it a larger size", c.Size, len(l.symbols))
	}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		var symbols []int32
		for _, r := range word {
			symbols = append(symbols, l.symbol(string(r)))
		}
		l.addWord(symbols, *words[word])
	}
	var merges [][2]string
	for _, p := range l.learn(c.Size, c.MinCount) {
		merges = append(merges, [2]string{l.symbols[p.a], l.symbols[p.b]})
	}
	return byteFiles(l.symbols, merges, c.Lowercase)
}

// learnWordPieces makes a vocabulary in the order of its ids: special tokens, characters, merges.
func learnWordPieces(words wordCounter, c TrainConfig) (folder, error) {
	alphabet := frequentCharacters(words, c.Alphabet)
	l := newLearner(func(a, b string) string { return a + strings.TrimPrefix(b, insideMark) })
	for _, special := range bertSpecials {
		l.symbol(special)
	}
	known := slices.Sorted(maps.Keys(words))
	known = slices.DeleteFunc(known, func(word string) bool {
		return strings.ContainsFunc(word, func(r rune) bool { return !alphabet[r] })
	})
	var begin, inside []string
	for _, word := range known {
		parts := characterPieces(word)
		begin, inside = append(begin, parts[0]), append(inside, parts[1:]...)
	}
	slices.Sort(begin)
	slices.Sort(inside)
	for _, symbol := range slices.Concat(begin, inside) {
		l.symbol(symbol)
	}
	if len(l.symbols) > c.Size {
		return nil, fmt.Errorf("a vocabulary of %d tokens has no room for the %d of single characters: give it a larger size or a smaller alphabet", c.Size, len(l.symbols))
	}
	for _, word := range known {
		var symbols []int32
		for _, part := range characterPieces(word) {
			symbols = append(symbols, l.symbol(part))
		}
		l.addWord(symbols, *words[word])
	}
	l.learn(c.Size, c.MinCount)
	return bertFiles(l.symbols, c.Lowercase)
}

// characterPieces returns the tokens of a word's characters.
func characterPieces(word string) []string {
	var parts []string
	for i, r := range word {
		if i == 0 {
			parts = append(parts, string(r))
		} else {
			parts = append(parts, insideMark+string(r))
		}
	}
	return parts
}

// frequentCharacters returns the n characters that are met most often; of equally frequent ones the smaller.
func frequentCharacters(words wordCounter, n int) map[rune]bool {
	counts := map[rune]int{}
	for word, count := range words {
		for _, r := range word {
			counts[r] += *count
		}
	}
	runes := slices.SortedFunc(maps.Keys(counts), func(a, b rune) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return int(a - b)
	})
	chosen := map[rune]bool{}
	for _, r := range runes[:min(n, len(runes))] {
		chosen[r] = true
	}
	return chosen
}
