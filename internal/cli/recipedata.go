package cli

import (
	"fmt"
	"slices"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

// withoutRecipesOwn leaves out of a run's settings what its recipe says of the file that it was measured on alone, and the run's file has
// not: columns of tags and of the group in a table of pictures with captions, and a list of a json file. It returns what it left out, in
// words.
func withoutRecipesOwn(config train.Config) (_ train.Config, left []string, err error) {
	if config.Recipe == "" || config.Data == "" {
		return config, nil, nil
	}
	recipe, err := recipes.Find(config.Recipe)
	switch {
	case err != nil:
		return config, nil, usageError{err}
	case config.OnText():
		text := *config.Text
		if text.Split != "" && text.Split == recipe.Config.Text.Split && !text.Lists(config.Data) {
			left = append(left, fmt.Sprintf("the list %q", text.Split))
			text.Split = ""
		}
		config.Text = &text
	case config.OnPairs():
		config, left = withoutColumns(config, recipe.Config)
	}
	return config, left, nil
}

// withoutColumns leaves out the recipe's columns of tags and of the group that a run's table has not. What is wrong with a table that
// cannot be read is said when it is opened.
func withoutColumns(config, recipe train.Config) (_ train.Config, left []string) {
	there, err := data.PairColumns(config.Data, config.Pairs.PairOptions)
	if err != nil || there == nil {
		return config, nil
	}
	foreign := func(column string) bool {
		own := column == recipe.Pairs.Group || slices.Contains(recipe.Pairs.Tags, column)
		if own = own && !slices.Contains(there, column); own {
			left = append(left, fmt.Sprintf("the column %q", column))
		}
		return own
	}
	pairs := *config.Pairs
	pairs.Tags = slices.DeleteFunc(slices.Clone(pairs.Tags), foreign)
	if pairs.Group != "" && foreign(pairs.Group) {
		pairs.Group = ""
	}
	config.Pairs = &pairs
	if len(pairs.Tags) == 0 && config.CLIP != nil {
		clip := *config.CLIP
		clip.Caption.Tags = 0 // there are none
		config.CLIP = &clip
	}
	return config, left
}
