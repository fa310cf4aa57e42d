package data

// course walks the steps of a run, epoch by epoch, each in an order of its own.
type course struct {
	epoch, step, epochs int // the next step, from 0; how many epochs there are
	size, perEpoch      int // items of a step; steps of an epoch
	newOrder            func(epoch int) []int
	order               []int // of the items of the present epoch
}

// next returns the place of the next step and its items; none after the last.
func (c *course) next() (epoch, step int, items []int) {
	if c.step >= c.perEpoch {
		c.epoch, c.step, c.order = c.epoch+1, 0, nil
	}
	if c.epoch >= c.epochs {
		return c.epoch, 0, nil
	}
	if c.order == nil {
		c.order = c.newOrder(c.epoch)
	}
	step = c.step
	c.step++
	return c.epoch, step, c.order[step*c.size : (step+1)*c.size]
}
