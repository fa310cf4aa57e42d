package train

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/alike-ml/alike/internal/fields"
)

// sources identify what a run learns from.
type sources struct {
	// items are those of the data.
	items []string
	// wordNet is of the files of its database; empty where they are not read.
	wordNet string
}

// identity is what a checkpoint belongs to: a hash of each of its parts.
type identity struct {
	settings, data, wordNet string
}

// Where in a checkpoint's metadata its identity is.
const (
	metaSettings = "settings"
	metaData     = "data"
	metaWordNet  = "wordnet"
)

func newIdentity(c Config, s sources) (identity, error) {
	settings, err := c.settings()
	return identity{settings: hashOf(settings), data: hashOf(s.items), wordNet: s.wordNet}, err
}

// settings are the options that the result depends on, as key and value, and the method. Those with their zero value are left out, which is
// what an option has that is absent from a run's file: an option that Alike gets later changes no settings in which it is not used.
func (c Config) settings() (list []string, err error) {
	m, err := c.Method()
	if err != nil {
		return nil, err
	}
	options := fields.Given(c.fixed())
	slices.SortFunc(options, func(a, b fields.Field) int { return cmp.Compare(a.Key, b.Key) })
	list = append(list, "method: "+m.Name())
	for _, o := range options {
		value, err := json.Marshal(o.Value)
		if err != nil {
			return nil, fmt.Errorf("option %s is %v: %w", o.Key, o.Value, err)
		}
		list = append(list, o.Key+": "+string(value))
	}
	return list, nil
}

func hashOf(lines []string) string {
	hash := sha256.New()
	for _, line := range lines {
		hash.Write([]byte(line))
		hash.Write([]byte{'\n'})
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// write adds the identity to a checkpoint's metadata.
func (i identity) write(meta map[string]string) {
	meta[metaSettings], meta[metaData], meta[metaWordNet] = i.settings, i.data, i.wordNet
}

// check returns an error that says in what a checkpoint with these metadata belongs to another run.
func (i identity) check(meta map[string]string) error {
	switch {
	case meta[metaSettings] != i.settings:
		return errors.New("it belongs to a run with other settings")
	case meta[metaData] != i.data:
		return errors.New("it belongs to a run on other data: the list of items, or what is in them, changed since")
	case meta[metaWordNet] != i.wordNet:
		return errors.New("it belongs to a run with other files of WordNet: give the folder of those that it began with")
	}
	return nil
}
