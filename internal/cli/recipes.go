package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

type recipesCommand struct {
	Name string `arg:"" optional:"" help:"A recipe, to show all of it; if left out, all are listed in a line each."`
	JSON bool   `help:"Print one JSON object, with all of each recipe."`
}

// recipeListing is a recipe with the settings in which it differs from its method's defaults.
type recipeListing struct {
	recipes.Recipe
	Settings []fields.Field `json:"settings"`
}

func (r recipesCommand) Run(c console) error {
	list, err := r.list()
	switch {
	case err != nil:
		return err
	case r.JSON:
		return printJSON(c.out, struct {
			Recipes []recipeListing `json:"recipes"`
		}{list})
	case r.Name != "":
		return printRecipe(c.out, list[0])
	}
	return printRecipes(c.out, list)
}

// list has the recipe that is asked for, or all.
func (r recipesCommand) list() (list []recipeListing, err error) {
	found, err := recipes.All()
	if r.Name != "" {
		found = make([]recipes.Recipe, 1)
		if found[0], err = recipes.Find(r.Name); err != nil {
			return nil, usageError{err}
		}
	}
	if err != nil {
		return nil, err
	}
	for _, recipe := range found {
		defaults, err := train.Default(recipe.Method, recipe.ImageSize)
		if err != nil {
			return nil, err
		}
		defaults.Recipe = recipe.Name
		list = append(list, recipeListing{recipe, fields.Changed(defaults, recipe.Config)})
	}
	return list, nil
}

// printRecipes writes a line for each recipe.
func printRecipes(out io.Writer, list []recipeListing) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range list {
		fmt.Fprintf(w, "%s\t%s\n", l.Name, l.About)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nalike recipes NAME says what one was measured on, takes and reached. alike train --recipe NAME --data DATA --out RUN starts from it.")
	return err
}

// printRecipe writes all of a recipe.
func printRecipe(out io.Writer, l recipeListing) error {
	fmt.Fprintf(out, "%s\n\n", l.Name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{{"for", l.About}, {"measured on", l.Data}, {"takes", l.Budget}, {"chosen", l.Tuned}, {"reached", l.Reached}} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	fmt.Fprintln(w, "\nSettings that differ from the method's defaults; flags and --set change them")
	for _, f := range l.Settings {
		fmt.Fprintf(w, "%s\t%v\n", f.Key, f.Value)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nalike train --recipe %s --data DATA --out RUN\n", l.Name)
	return err
}
