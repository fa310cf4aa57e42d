package eval

import (
	"maps"
	"regexp"
	"strings"
)

// beforeName is what stands before a class's name in folders of ImageNet and Stanford Dogs ("n02099601-golden_retriever"), and of
// Caltech-256 and CUB ("001.Black_footed_Albatross"): the number of a synset of WordNet, or of the class.
var beforeName = regexp.MustCompile(`^(n\d{8}[-_ ]|\d{3}\.)\s*`)

// FolderNames are the names of classes whose own are folders', as an encoder of texts is to read them: underscores are spaces, and the
// number is left out that some data sets have before the name. A hyphen stays, for it may be part of a word. Others are names that
// are given already, and stay; a class that is read as it is called is not among what is returned.
func FolderNames(classes []string, others map[string][]string) map[string][]string {
	names := maps.Clone(others)
	for _, class := range classes {
		if _, given := others[class]; given {
			continue
		}
		name := strings.Join(strings.Fields(strings.ReplaceAll(class, "_", " ")), " ")
		if rest := beforeName.ReplaceAllString(name, ""); rest != "" {
			name = rest
		}
		if name == class || name == "" {
			continue
		}
		if names == nil {
			names = make(map[string][]string)
		}
		names[class] = []string{name}
	}
	return names
}
