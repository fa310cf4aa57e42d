package data

import (
	"fmt"
	"slices"

	"github.com/alike-ml/alike/internal/rng"
)

// HoldOut divides the pairs into those to train on and at most n held-out ones, the same for the same seed. Pictures that share a
// caption, are of one group, or are the same byte by byte are on one side, and so are those that others join in that way: what is held out
// was not seen in training, neither the picture nor the words. So a few less than n may be held out; the error is that nothing can
// be, or that n leaves nothing to train on.
func (p *Pairs) HoldOut(n int, seed uint64) (train, held *Pairs, err error) {
	if n < 1 || n >= p.Len() {
		return nil, nil, fmt.Errorf("cannot hold out %d of %d pictures: hold out at least 1 and leave at least 1", n, p.Len())
	}
	groups := p.joined()
	var rest, out []int
	isHeld, left := make([]bool, p.Len()), n
	random := rng.New(seed, 0, 0, rng.Split)
	random.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	for _, group := range groups {
		if len(group) > left {
			continue
		}
		left -= len(group)
		for _, i := range group {
			isHeld[i] = true
		}
	}
	for i, held := range isHeld {
		if held {
			out = append(out, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(out) == 0 {
		return nil, nil, fmt.Errorf("cannot hold out %d of %d pictures: through captions that they share, each is joined to more others; hold out more, or give the pictures to hold out in a table of their own",
			n, p.Len())
	}
	return p.with(rest), p.with(out), nil
}

// joined returns the pictures in groups that share no caption, no file and no group of the table, each in order, the groups by their first.
func (p *Pairs) joined() [][]int {
	sets := newDisjoint(p.Len())
	byCaption, byContent := make(map[int32]int), make(map[int32]int)
	join := func(seen map[int32]int, id int32, i int) {
		if first, ok := seen[id]; ok {
			sets.join(first, i)
		} else {
			seen[id] = i
		}
	}
	for i := range p.Len() {
		join(byContent, p.content[i], i)
		first, end := p.CaptionRows(i)
		for _, id := range p.caption[first:end] {
			join(byCaption, id, i)
		}
	}
	var groups [][]int
	place := make(map[int]int)
	for _, group := range p.Turns() {
		for _, i := range group[1:] {
			sets.join(group[0], i)
		}
	}
	for i := range p.Len() {
		root := sets.root(i)
		g, ok := place[root]
		if !ok {
			g = len(groups)
			place[root] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// disjoint are sets of the numbers from 0 that can be joined.
type disjoint []int

func newDisjoint(n int) disjoint {
	d := make(disjoint, n)
	for i := range d {
		d[i] = i
	}
	return d
}

// root returns the least member of the set that i is in.
func (d disjoint) root(i int) int {
	for d[i] != i {
		d[i] = d[d[i]]
		i = d[i]
	}
	return i
}

func (d disjoint) join(i, j int) {
	i, j = d.root(i), d.root(j)
	d[max(i, j)] = min(i, j)
}

// Some returns n of the pairs, drawn by the seed, in their order, or all when there are no more.
func (p *Pairs) Some(n int, seed uint64) *Pairs {
	if p.Len() <= n {
		return p
	}
	items := rng.New(seed, 0, 0, rng.Split).Perm(p.Len())[:n]
	slices.Sort(items)
	return p.with(items)
}
