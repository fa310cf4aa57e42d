// Package token turns text into the ids that a network's vocabulary gives to words and pieces of words, and ids back into text.
//
// A Tokenizer is loaded from a folder that Hugging Face's tools wrote (vocab.txt, or tokenizer.json), from CLIP's list of
// merges, or trained on one's own text. The ids are those of the reference implementation, in every row: a network that
// was trained elsewhere sees what it was trained on. docs/dependencies.md says why none of the libraries does this for us.
package token
