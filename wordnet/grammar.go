package wordnet

import "strings"

// grammar are the words that hold sentences together. WordNet has many of them as names of something else: "a" as a vitamin, "in" as
// indium, "he" as helium, "or" as Oregon.
var grammar = func() map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(`
		a an the this that these those such same other another each every either neither both all any some no none
		i me my mine we us our ours you your yours he him his she her hers it its they them their theirs one ones
		myself yourself himself herself itself ourselves yourselves themselves who whom whose which what
		be am is are was were been being have has had having do does did doing done
		can could will would shall should may might must ought need dare let lets going gonna get gets got getting
		not never nor and or but if then else than as so because while since until unless though although whether
		when where why how there here
		at by for from in into of off on onto out over to toward towards up down with within without about above across after
		against along among around before behind below beneath beside besides between beyond despite during except inside
		like near outside past per through throughout under upon via
		just only even also too very quite rather much many more most less least few several own still yet already again once
		now ever well back away please thanks thank yes yeah okay ok oh hi hello sure
		mr mrs ms dr st am pm ie eg etc vs
		two three four five six seven eight nine ten first second third hundred thousand million`) {
		set[word] = true
	}
	return set
}()
