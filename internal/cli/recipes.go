package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/recipes"
	"github.com/alike-ml/alike/train"
)

type recipesCommand struct {
	JSON bool `help:"Print one JSON object."`
}

// recipeListing is a recipe with the settings in which it differs from its method's defaults.
type recipeListing struct {
	recipes.Recipe
	Settings []fields.Field `json:"settings"`
}

func (r recipesCommand) Run(c console) error {
	all, err := recipes.All()
	if err != nil {
		return err
	}
	var list []recipeListing
	for _, recipe := range all {
		defaults, err := train.Default(recipe.Method, recipe.ImageSize)
		if err != nil {
			return err
		}
		defaults.Recipe = recipe.Name
		list = append(list, recipeListing{recipe, fields.Changed(defaults, recipe.Config)})
	}
	if r.JSON {
		return printJSON(c.out, struct {
			Recipes []recipeListing `json:"recipes"`
		}{list})
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, l := range list {
		fmt.Fprintf(w, "%s\n", l.Name)
		for _, line := range [][2]string{{"for", l.About}, {"measured on", l.Data}, {"takes", l.Budget}, {"chosen", l.Tuned}, {"reached", l.Reached}} {
			fmt.Fprintf(w, "  %s\t%s\n", line[0], line[1])
		}
		for _, f := range l.Settings {
			fmt.Fprintf(w, "  %s\t%v\n", f.Key, f.Value)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "alike train --recipe NAME --data DIR --out RUN starts from one; flags and --set change it. Shown are the settings that differ")
	fmt.Fprintln(c.out, "from the method's defaults.")
	return nil
}
