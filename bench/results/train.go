package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/recipes"
)

// The folders of the data sets' runs.
const (
	photos      = "photos"
	cifar10     = "cifar10"
	cifar10Hour = "cifar10-hour"
	sentences   = "sentences"
	vectors     = "vectors"
	intents     = "intents"
	nli         = "nli"
	clinc       = "clinc"
)

// dataSet is what recipes are trained on.
type dataSet struct {
	// folder holds its runs, ending is that of the names of its recipes, METHOD-ENDING.
	folder, ending string
	seeds          int
	// title and about open its part of the page.
	title, about string
	// recipesSay adds what the recipes say of their budget and of what they reached, where that is more than the table tells.
	recipesSay bool
	// text is for what is learned from text, which has a page of its own; flags are what its runs are given beside their data: what they are
	// scored on at their end, and start from.
	text  bool
	flags []string
}

// recipe is the name of a method's recipe for the set.
func (s dataSet) recipe(method string) string {
	return strings.TrimSuffix(method, "_text") + "-" + s.ending
}

// dataSets are all of them. Encoders of sentences are scored on the pairs in the file sts; those that start from word vectors have them from
// the file named.
func dataSets(sts, wordVectors string) []dataSet {
	pairs := []string{"--sts", sts}
	return []dataSet{
		{photos, "photos-cpu", 3, "Photographs of clothes",
			"4,514 photographs that people took of their clothes, 10 classes, the shorter side 64 pixels; 3,512 to learn from and 1,002 by other people to test on " +
				"(the clothing data set of Alexey Grigorev, CC0). They are a folder of `alike demo`: `alike-demo/photos`.", false, false, nil},
		{cifar10, "cifar10-quick", 1, "CIFAR-10 (JPEG copy), a few minutes a method",
			"50,000 pictures of 32 pixels to learn from and 10,000 to test on, 10 classes, saved as JPEG: scores are below those on the original. " +
				"The classes are learned from 10,000 of the pictures to learn from; all 50,000 give higher scores (`alike eval --max-train 50000`).", false, false, nil},
		{cifar10Hour, "cifar10-cpu", 1, "CIFAR-10 (JPEG copy), an hour", "The same pictures, and an encoder that an hour on two cores suffices for.", true, false, nil},
		{sentences, "sentences-cpu", 3, "Sentences without labels",
			"English sentences, of dialogues, glosses, speech and Wikipedia, as many as the recipe says, and what an encoder learns from them alone. STS is the rank " +
				"correlation of its cosines with the scores that people gave the 1,500 development pairs of the STS benchmark.", true, true, pairs},
		{vectors, "vectors-cpu", 3, "Sentences without labels, from word vectors",
			"The same, where the table of vectors starts from GloVe's. Untrained is such a table of random vectors.", true, true,
			append([]string{"--vectors", wordVectors}, pairs...)},
		{nli, "nli-cpu", 3, "Sentences with what they entail and what they contradict",
			"16,661 triplets: a sentence, one that follows from it, one that contradicts it. The pairs are the same.", true, true, pairs},
		{intents, "intents-cpu", 3, "Sentences without labels, for the intents of queries",
			"The same sentences and pairs. CLINC150's queries, which the table below has, are not among the sentences; by what their neighbours in this encoder's space " +
				"tell, intents of its 4,500 test queries are found as the recipe says.", true, true, pairs},
		{clinc, "clinc-cpu", 3, "Intents of short queries",
			"CLINC150 (Larson et al. 2019): 15,000 queries of 150 intents to learn from, 4,500 others to test on.", true, true,
			[]string{"--split", "train", "--test-split", "test"}},
	}
}

// train trains the data set's recipes with every seed, but for the runs that are there.
func train(set dataSet, data, runs, only string) error {
	temp, err := os.MkdirTemp("", "alike-results-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	alike := filepath.Join(temp, "alike")
	if err := shown(exec.Command("go", "build", "-o", alike, "./cmd/alike")); err != nil {
		return err
	}
	for seed := 1; seed <= set.seeds; seed++ {
		for _, name := range recipes.Names() {
			method, found := strings.CutSuffix(name, "-"+set.ending)
			if !found || only != "" && only != method {
				continue
			}
			dir := filepath.Join(runs, set.folder, fmt.Sprintf("%s-seed%d", method, seed))
			if err := trainOne(alike, name, data, dir, seed, set.flags); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// trainOne trains a recipe, or what is left of it, unless that was done before.
func trainOne(alike, recipe, data, dir string, seed int, flags []string) error {
	if scores, err := eval.ReadReport(dir); err != nil || scores != nil {
		return err
	}
	arguments := []string{"train", "--recipe", recipe, "--data", data, "--out", dir, "--seed", fmt.Sprint(seed), "--resume"}
	return shown(exec.Command(alike, append(arguments, flags...)...))
}

func shown(c *exec.Cmd) error {
	fmt.Fprintln(os.Stderr, strings.Join(c.Args, " "))
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c.Run()
}
