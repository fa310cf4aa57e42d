package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/runreport"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/recipes"
)

// results are the runs on a data set.
type results struct {
	dataSet
	groups []runreport.Group
}

const opening = `# Results

Every method on the same pictures, for the same number of epochs, with the settings of its recipe (` + "`alike recipes`" + `). The page is made from the
runs' own files by

    go run ./bench/results --runs RUNS --machine "two cores of X" --photos PHOTOS --cifar10 CIFAR10 --cifar10-hour CIFAR10

which first trains what is missing in RUNS. Test pictures had no part in choosing settings or epochs: the scores are those of the last epoch.
kNN is the share of test pictures whose class the 10 nearest training pictures tell (cosine, weighted); linear is a logistic regression on the
frozen representations. Both stand beside what the pixels themselves give, and the encoder before its first step. Where there are several
seeds, the mean is followed by the lowest and the highest. Held-out kNN is that of training pictures that were kept back, whose likes are
among those that were learned from; losses of different methods cannot be compared; views a second are the median of the epochs.
`

const openingText = `# Results on text

What encoders learn from text with the settings of the recipes (` + "`alike recipes`" + `). The page is made from the runs' own files by

    go run ./bench/results --runs RUNS --machine "a core of X" --sentences SENTENCES --vectors VECTORS --nli TRIPLETS --clinc CLINC150 --sts PAIRS

which first trains what is missing in RUNS. What runs are scored on had no part in choosing settings, but where a recipe says so (see ` + "`chosen`" + ` in ` + "`alike recipes NAME`" + `), nor
epochs: the scores are those of the last. STS stands beside the same correlation of the share of words in common, of TF-IDF, and of the encoder before its first step; kNN, the
share of test rows whose class the 10 nearest rows to learn from tell (cosine, weighted), and linear, a logistic regression on the frozen
vectors, stand beside the same of TF-IDF (raw) and of the encoder before its first step. Where there are several seeds, the mean is followed by
the lowest and the highest. Losses of different methods cannot be compared; views a second are the median of the epochs.
`

func writePage(w io.Writer, opening, machine string, sets []results) error {
	var page strings.Builder
	page.WriteString(opening)
	fmt.Fprintf(&page, "\nTime, views a second and memory are those of %s.\n", machine)
	for _, set := range sets {
		if len(set.groups) > 0 {
			set.write(&page)
		}
	}
	_, err := io.WriteString(w, page.String())
	return err
}

func (r results) write(page *strings.Builder) {
	fmt.Fprintf(page, "\n## %s\n\n%s\n", r.title, r.about)
	if shared := runreport.Shared(r.groups); shared != "" {
		if strings.HasPrefix(shared, "data ") { // where they lay is no one else's concern
			_, shared, _ = strings.Cut(shared, ", ")
		}
		fmt.Fprintf(page, "All runs have %s.\n", shared)
	}
	row := func(cells ...string) { fmt.Fprintf(page, "| %s |\n", strings.Join(cells, " | ")) }
	page.WriteByte('\n')
	slices.SortFunc(r.groups, func(a, b runreport.Group) int {
		return slices.Index(method.Names(), a.Method) - slices.Index(method.Names(), b.Method)
	})
	names, rows := runreport.Table(r.groups)
	row(slices.Concat([]string{"method"}, names, []string{"recipe"})...)
	row(slices.Repeat([]string{"---"}, len(names)+2)...)
	for i, g := range r.groups {
		row(slices.Concat([]string{title(g.Method)}, rows[i], []string{"`" + r.recipe(g.Method) + "`"})...)
	}
	if slices.ContainsFunc(r.groups, func(g runreport.Group) bool { return g.Method == "supcon" }) {
		page.WriteString("\nSupCon learns from the classes of the training pictures; the others see no label.\n")
	}
	if slices.ContainsFunc(r.groups, func(g runreport.Group) bool { return g.Method == "supcon_text" }) {
		page.WriteString("\nSupCon learns from the classes of the rows; SimCSE learns from none.\n")
	}
	if r.recipesSay {
		for _, g := range r.groups {
			if recipe, err := recipes.Find(r.recipe(g.Method)); err == nil {
				fmt.Fprintf(page, "\n`%s`, as it says itself: %s. Reached: %s.\n", recipe.Name, recipe.Budget, recipe.Reached)
			}
		}
	}
}

func title(name string) string {
	if info, err := method.Find(name); err == nil {
		return info.Title
	}
	return name
}
