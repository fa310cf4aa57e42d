package train

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/token"
)

// assignRarity counts the tokens of the text to learn from, of at most maxLength tokens of each, where the encoder in scope weighs them by
// how rare they are.
func assignRarity(scope *model.Scope, network backbone.TextConfig, text *data.Text, tokenizer *token.Tokenizer, maxLength int) error {
	if network.Static == nil || !network.Static.Rarity.On() {
		return nil
	}
	counts, err := countTokens(text, tokenizer, maxLength)
	if err != nil {
		return err
	}
	return network.Static.AssignRarity(scope, counts)
}

func countTokens(text *data.Text, tokenizer *token.Tokenizer, maxLength int) (backbone.TokenCounts, error) {
	c := backbone.TokenCounts{Times: make([]int, tokenizer.Size()), In: make([]int, tokenizer.Size())}
	last := make([]int, tokenizer.Size()) // the text that a token was last seen in
	var unread error
	for t := range textsOf(text, &unread) {
		c.Texts++
		for _, id := range tokenizer.Encode(t, maxLength) {
			c.Tokens++
			c.Times[id]++
			if last[id] != c.Texts {
				last[id] = c.Texts
				c.In[id]++
			}
		}
	}
	return c, unread
}
