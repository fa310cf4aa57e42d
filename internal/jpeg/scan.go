package jpeg

import "image"

// zigzag is the place in a block of each coefficient in the order of the file (figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// readMCUs decodes the scan, row by row of MCUs. It returns false when the data is damaged.
func (d *Decoder) readMCUs(dst *image.RGBA) bool {
	y := &d.components[0]
	across, down := ceilDiv(d.width, 8*y.h), ceilDiv(d.height, 8*y.v)
	for i := range d.components {
		c := &d.components[i]
		c.previous = 0
		c.stride = 8 * c.h * across
		if n := 8 * c.v * c.stride; cap(c.rows) < n {
			c.rows = make([]byte, n)
		} else {
			c.rows = c.rows[:n]
		}
	}
	d.bits = bitReader{data: d.scan}
	done, total := 0, across*down
	for my := range down {
		for mx := range across {
			if !d.readMCU(mx) {
				return false
			}
			done++
			if d.restart > 0 && done%d.restart == 0 && done < total && !d.readRestart(done/d.restart-1) {
				return false
			}
		}
		d.convert(dst, my*8*y.v)
	}
	return d.bits.marker() == markerEOI
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// readRestart reads the n-th restart marker, which makes all predictions start anew (F.2.1.3.1).
func (d *Decoder) readRestart(n int) bool {
	for i := range d.components {
		d.components[i].previous = 0
	}
	return d.bits.marker() == markerRST0+byte(n%8)
}

// readMCU decodes the blocks of the MCU in column mx (A.2.3).
func (d *Decoder) readMCU(mx int) bool {
	for i := range d.components {
		c := &d.components[i]
		for v := range c.v {
			for h := range c.h {
				rows, ok := d.readBlock(c)
				if !ok {
					return false
				}
				d.block.inverse(c.rows[8*(v*c.stride+mx*c.h+h):], c.stride, rows)
			}
		}
	}
	return true
}

// readBlock decodes a block (F.2.2) into d.block, dequantized. Bit i of rows tells that row i has a coefficient other than
// 0, apart from the very first. ok is false when the data is damaged.
func (d *Decoder) readBlock(c *component) (rows uint8, ok bool) {
	d.block = block{}
	quant := &d.quant[c.quant]
	r := &d.bits
	next, have := r.next, r.have
	if have < longest {
		next, have = r.fill(next, have)
	}
	_, difference, used := c.dc.decode(next)
	if used == 0 {
		return 0, false
	}
	next, have = next<<(used&63), have-used
	c.previous += difference
	d.block[0] = c.previous * quant[0]

	for k := 1; k < 64; k++ {
		if have < longest {
			next, have = r.fill(next, have)
		}
		entry := c.ac.look[next>>(64-lookBits)]
		number, run, used := entry>>16, int(entry>>8)&15, int(entry&0xff)
		if number == 0 {
			var symbol byte
			if symbol, number, used = c.ac.decode(next); used == 0 {
				return 0, false
			}
			if symbol == endOfBlock {
				next, have = next<<(used&63), have-used
				break
			}
			run = int(symbol >> 4)
		}
		next, have = next<<(used&63), have-used
		k += run
		if number == 0 { // sixteen zeros
			continue
		}
		if k > 63 {
			return 0, false
		}
		at := zigzag[k] & 63
		d.block[at] = number * quant[k]
		rows |= 1 << (at >> 3)
	}
	r.next, r.have = next, have
	return rows, have >= r.zero
}
