// Package recipes holds settings that were tuned and measured, one YAML file a recipe: what it is for, on what data and budget
// it was measured, and what differs from the method's defaults.
package recipes

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/internal/nearest"
	"github.com/alike-ml/alike/train"
)

//go:embed *.yaml *.band.json
var files embed.FS

// Recipe is a tested configuration.
type Recipe struct {
	// Name is the file's, without its ending.
	Name string `yaml:"-" json:"name"`
	// Method is the name of the method that it trains, ImageSize the side of its pictures in pixels: they decide on the
	// defaults of all that the recipe leaves out.
	Method    string `yaml:"method" json:"method"`
	ImageSize int    `yaml:"image_size" json:"image_size"`
	// About says in a line what it is for, Data what it was measured on, Budget what a run of it takes there.
	About  string `yaml:"about" json:"about"`
	Data   string `yaml:"data" json:"data"`
	Budget string `yaml:"budget" json:"budget"`
	// Tuned says how the settings were chosen, or where they were published.
	Tuned string `yaml:"tuned" json:"tuned"`
	// Reached is what it came to, with the command, or what was published of it.
	Reached string `yaml:"reached" json:"reached"`
	// WordVectors is whether runs start from word vectors: each names their file, and the encoder is as wide as they are.
	WordVectors bool `yaml:"word_vectors" json:"word_vectors"`
	// Config has the settings, all of them but the place of the data, and of the word vectors.
	Config train.Config `yaml:"config" json:"-"`
	// Settings are those that the recipe names, in the place of the defaults.
	Settings []fields.Field `yaml:"-" json:"settings"`
}

// All lists the recipes by name.
func All() ([]Recipe, error) {
	var list []Recipe
	for _, name := range Names() {
		r, err := Find(name)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Names lists the recipes' names in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		if name, found := strings.CutSuffix(e.Name(), path.Ext(e.Name())); found && path.Ext(e.Name()) == ".yaml" {
			names = append(names, name)
		}
	}
	return names
}

// Find returns the named recipe. The error suggests the nearest name when there is none.
func Find(name string) (Recipe, error) {
	names := Names()
	if !slices.Contains(names, name) {
		return Recipe{}, fmt.Errorf("there is no recipe %q%s; alike recipes lists them", name, nearest.Suggestion(name, names))
	}
	text, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return Recipe{}, err
	}
	r, err := parse(text)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe %s: %w", name, err)
	}
	r.Name, r.Config.Recipe = name, name
	return r, nil
}

// Of returns the recipe that a run started from, if the run departs from it in nothing but its data, where those are text or pictures
// with captions with how they are read, its seed, and what changes no result.
func Of(config train.Config) (Recipe, bool) {
	if config.Recipe == "" {
		return Recipe{}, false
	}
	r, err := Find(config.Recipe)
	if err != nil {
		return Recipe{}, false // of another version of the program
	}
	for _, f := range fields.Changed(r.Config, config) {
		switch f.Key {
		case "data", "seed", "device", "workers", "checkpoint_seconds", "watch", "monitor_every":
		case "text.format", "text.separator", "text.split", "text.header", "text.class", "text.test", "text.test_split", "text.sts", "text.sts_columns":
		case "pairs.format", "pairs.separator", "pairs.header", "pairs.image", "pairs.captions", "pairs.class", "pairs.validation":
		case "text.vectors", "text.static.width":
			if !r.WordVectors || config.Text.Vectors == "" {
				return Recipe{}, false
			}
		case "text.texts": // under other names
			if rowTexts(config) != rowTexts(r.Config) {
				return Recipe{}, false
			}
		default:
			return Recipe{}, false
		}
	}
	return r, true
}

// rowTexts is how many texts a row of a run's text has: one where its column goes without saying.
func rowTexts(config train.Config) int { return max(1, len(config.Text.Texts)) }

// parse reads a recipe over the defaults of its method.
func parse(text []byte) (Recipe, error) {
	// Read once for the method and the size, which decide on the defaults.
	var r Recipe
	if err := fields.Unmarshal(text, &r); err != nil {
		return r, err
	}
	config, err := train.Default(r.Method, r.ImageSize)
	if err != nil {
		return r, err
	}
	// What else the defaults depend on, such as the encoder of texts, is known once the recipe is read over these.
	r = Recipe{Config: config}
	if err := fields.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if config, err = r.Config.Usual(); err != nil {
		return r, err
	}
	r = Recipe{Config: config}
	if err := fields.Unmarshal(text, &r); err != nil {
		return r, err
	}
	named, err := fields.Named(text)
	for _, f := range fields.Of(r.Config) {
		if slices.Contains(named, "config."+f.Key) {
			r.Settings = append(r.Settings, f)
		}
	}
	return r, err
}
