package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/alike-ml/alike/recipes"
)

type recipesCommand struct {
	Name string `arg:"" optional:"" help:"A recipe, to show all of it; if left out, all are listed in a line each."`
	JSON bool   `help:"Print one JSON object, with all of each recipe."`
}

func (r recipesCommand) Run(c console) error {
	list, err := r.list()
	switch {
	case err != nil:
		return err
	case r.JSON:
		return printJSON(c.out, struct {
			Recipes []recipes.Recipe `json:"recipes"`
		}{list})
	case r.Name != "":
		return printRecipe(c.out, list[0])
	}
	return printRecipes(c.out, list)
}

// list has the recipe that is asked for, or all.
func (r recipesCommand) list() ([]recipes.Recipe, error) {
	if r.Name == "" {
		return recipes.All()
	}
	recipe, err := recipes.Find(r.Name)
	if err != nil {
		return nil, usageError{err}
	}
	return []recipes.Recipe{recipe}, nil
}

// printRecipes writes a line for each recipe.
func printRecipes(out io.Writer, list []recipes.Recipe) error {
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
func printRecipe(out io.Writer, l recipes.Recipe) error {
	fmt.Fprintf(out, "%s\n\n", l.Name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{{"for", l.About}, {"measured on", l.Data}, {"takes", l.Budget}, {"chosen", l.Tuned}, {"reached", l.Reached}} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	fmt.Fprintln(w, "\nIts settings, in the place of the method's defaults; flags and --set change them")
	for _, f := range l.Settings {
		fmt.Fprintf(w, "%s\t%v\n", f.Key, f.Value)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	vectors := ""
	if l.WordVectors {
		vectors = " --vectors FILE"
	}
	_, err := fmt.Fprintf(out, "\nalike train --recipe %s --data DATA%s --out RUN\n", l.Name, vectors)
	return err
}
