package train

import (
	"fmt"
	"strings"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/wordnet"
)

// captionsOf makes the texts that pictures come with in a run; wordNet is the fingerprint of the database that synonyms come from, empty
// where there are none.
func (c PairsConfig) captionsOf(how method.PairMethod) (words *positive.Caption, wordNet string, err error) {
	var thesaurus positive.Thesaurus
	if how.Text().Synonym > 0 {
		dictionary, err := wordnet.Open(c.WordNet)
		if err != nil {
			return nil, wordNet, err
		}
		thesaurus, wordNet = dictionary, dictionary.Fingerprint()
	}
	words, err = positive.NewCaption(how.Text(), thesaurus)
	return words, wordNet, err
}

// ViewCaptions makes of the captions of some pictures what a run with this configuration makes of them in its first epochs: of each picture
// its place, its captions and tags, and the text that it comes with, epoch by epoch. With captions kept back from training, the numbers
// of the pictures, and what is drawn for them, are others in the run.
func ViewCaptions(config Config, pairs *data.Pairs, items []int, epochs int) (shown [][]positive.TextLine, err error) {
	m, err := config.Method()
	if err != nil {
		return nil, err
	}
	how, ok := m.(method.PairMethod)
	if !ok {
		return nil, fmt.Errorf("%s does not learn from pictures with captions", m.Name())
	}
	words, _, err := config.Pairs.captionsOf(how)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		lines := []positive.TextLine{{Name: "picture", Text: pairs.Images.Items[item].Path}}
		var tags string
		first, end := pairs.CaptionRows(item)
		for k := first; k < end; k++ {
			row, err := pairs.Captions.Row(k)
			if err != nil {
				return nil, err
			}
			lines = append(lines, positive.TextLine{Name: "caption", Text: row.Texts[0]})
			tags = strings.Join(row.Texts[1:], ", ")
		}
		if tags != "" {
			lines = append(lines, positive.TextLine{Name: "tags", Text: tags})
		}
		for epoch := range epochs {
			row, err := pairs.Captions.Row(pairs.CaptionIn(config.Seed, epoch, item))
			if err != nil {
				return nil, err
			}
			text := words.View(row.Texts[0], row.Texts[1:], rng.New(config.Seed, epoch, item, 1))
			lines = append(lines, positive.TextLine{Name: fmt.Sprintf("%d: text", epoch+1), Text: text})
		}
		shown = append(shown, lines)
	}
	return shown, nil
}
