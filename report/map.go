package report

import (
	"math"
	"slices"
	"sort"
	"unicode/utf8"
)

// The size of the map in its own units; its height follows the points. Photos are mapPhoto wide.
const (
	mapWidth  = 1000.0
	mapMargin = 30.0
	mapPhoto  = 30.0
)

// mapColours is the number of colours in the style sheet. Classes beyond them start over with square marks.
const mapColours = 8

// mapView is the 2-D map, ready to be drawn.
type mapView struct {
	Width, Height float64
	Photo         float64
	Marks         []mark
	Labels        []mapLabel
	Classes       []mapClass
	HasPhotos     bool
}

// mark is a point of the map.
type mark struct {
	X, Y   float64
	Class  int
	Colour int
	Square bool
	Label  string
	Name   string
	Image  Image
}

// Left and Top are where its photo starts.
func (m mark) Left() float64 { return m.X - mapPhoto/2 }
func (m mark) Top() float64  { return m.Y - mapPhoto/2 }

// mapClass is an entry of the legend.
type mapClass struct {
	Class  int
	Name   string
	Colour int
	Square bool
	Items  int
}

// mapLabel names a class where it is densest.
type mapLabel struct {
	X, Y   float64
	Name   string
	Class  int
	Colour int
}

// newMap draws the points, or returns nil if there are none. Both axes have one scale, since distances are what the map
// is about.
func newMap(points []MapPoint, classes []string) *mapView {
	var marks []mark
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		if !finite(p.X) || !finite(p.Y) {
			continue
		}
		low = [2]float64{min(low[0], p.X), min(low[1], p.Y)}
		high = [2]float64{max(high[0], p.X), max(high[1], p.Y)}
		m := mark{X: p.X, Y: p.Y, Class: -1, Colour: -1, Name: p.Name, Image: p.Image}
		if p.Class >= 0 && p.Class < len(classes) {
			m.Class, m.Colour, m.Square, m.Label = p.Class, p.Class%mapColours, p.Class/mapColours%2 == 1, classes[p.Class]
		}
		marks = append(marks, m)
	}
	if len(marks) == 0 {
		return nil
	}
	inner := mapWidth - 2*mapMargin
	unit := inner / max(high[0]-low[0], (high[1]-low[1])/1.1, 1e-300) // no taller than 1.1 times its width
	view := &mapView{Width: mapWidth, Height: max((high[1]-low[1])*unit, inner/4) + 2*mapMargin, Photo: mapPhoto, Marks: marks}
	for i := range marks {
		m := &marks[i]
		m.X = mapWidth/2 + (m.X-(low[0]+high[0])/2)*unit
		m.Y = view.Height/2 - (m.Y-(low[1]+high[1])/2)*unit
		view.HasPhotos = view.HasPhotos || len(m.Image.data) > 0
	}
	view.Classes = legend(marks)
	view.Labels = labels(marks, view.Classes)
	return view
}

// legend lists the classes that have marks.
func legend(marks []mark) []mapClass {
	byClass := map[int]*mapClass{}
	var order []int
	for _, m := range marks {
		if m.Class < 0 {
			continue
		}
		if byClass[m.Class] == nil {
			byClass[m.Class] = &mapClass{Class: m.Class, Name: m.Label, Colour: m.Colour, Square: m.Square}
			order = append(order, m.Class)
		}
		byClass[m.Class].Items++
	}
	slices.Sort(order)
	var list []mapClass
	for _, class := range order {
		list = append(list, *byClass[class])
	}
	return list
}

// labels puts the name of every class where most of its marks crowd together, the most crowded class first. A name that would
// cover another is left to the legend.
func labels(marks []mark, classes []mapClass) []mapLabel {
	const near = 60.0
	type spot struct {
		label   mapLabel
		crowded float64
	}
	var spots []spot
	for _, c := range classes {
		best := spot{crowded: -1}
		for _, m := range marks {
			if m.Class != c.Class {
				continue
			}
			var crowd float64
			for _, other := range marks {
				if other.Class == c.Class {
					d := math.Hypot(m.X-other.X, m.Y-other.Y) / near
					crowd += math.Exp(-d * d)
				}
			}
			if crowd > best.crowded {
				best = spot{mapLabel{X: m.X, Y: m.Y, Name: c.Name, Class: c.Class, Colour: c.Colour}, crowd}
			}
		}
		spots = append(spots, best)
	}
	sort.SliceStable(spots, func(i, j int) bool { return spots[i].crowded > spots[j].crowded })
	var placed []mapLabel
	for _, s := range spots {
		free := !slices.ContainsFunc(placed, func(l mapLabel) bool {
			return math.Abs(l.Y-s.label.Y) < 30 && math.Abs(l.X-s.label.X) < 7*float64(utf8.RuneCountInString(l.Name+s.label.Name))
		})
		if free {
			placed = append(placed, s.label)
		}
	}
	return placed
}
