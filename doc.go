// Package alike is the home of Alike, which learns which things are alike: contrastive learning without labels, in pure Go.
// The program is cmd/alike. Programs of your own use train to train an encoder, embed to turn pictures into vectors with it
// and eval to score it; loss, positive, optim and backbone have the parts they are made of. The example shows the whole way.
package alike
