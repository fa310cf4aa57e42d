// Package alike is the home of Alike, which learns which things are alike: contrastive learning without labels, in pure Go.
// The program is cmd/alike. Programs of your own use train to train an encoder, embed to turn pictures or texts into vectors with
// it, metric to search these and eval to score the encoder; loss, positive, negative, nn, optim and backbone have the parts they are
// made of, and engine computes graphs of GoMLX. The examples show the whole way with pictures, with sentences, and a loop of one's own.
package alike
