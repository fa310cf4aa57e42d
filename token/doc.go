// Package token turns text into the ids that a network's vocabulary gives to words and pieces of words, and ids back into text.
//
// A Tokenizer is loaded from a folder that Hugging Face's tools wrote (tokenizer.json, BERT's vocab.txt, or CLIP's vocab.json with
// merges.txt), from CLIP's own list of merges, or trained on one's own text. The ids are those of the reference implementation: a network that was trained elsewhere
// sees what it was trained on. What a file asks for and is not done here is an error, never left out. The exceptions: characters that
// Unicode took in after the version of Go's tables, which may be letters elsewhere already, and CLIP's guesses at text that was
// decoded with a wrong encoding.
//
// docs/dependencies.md says why none of the libraries does this for us.
package token
