package grid

import (
	"fmt"
	"slices"
)

// Coverage is which cells areas cover. What a cell belongs to is decided at its
// middle.
type Coverage struct {
	Cells    map[int]int // of the district, by each of DisplayResolutions
	Areas    []AreaCells // in the order of the areas
	Gaps     []Cell      // at Resolution, enclosed by areas but in none, ascending
	Overlaps []SharedCell
}

// AreaCells is how many cells belong to an area, those of its parts not among them.
type AreaCells struct {
	Code  AreaCode
	Cells map[int]int // by each of DisplayResolutions: with their middle in it, coarser as parents of those
}

// SharedCell is a cell whose middle lies in two or more areas of one level.
type SharedCell struct {
	Cell  Cell
	Areas []AreaCode
}

// maxGapCells is how many cells a gap has at most, 23 km²: what is larger is taken for
// the outside.
const maxGapCells = 2_000

// CoverageOf returns which cells areas cover.
func CoverageOf(a *Areas) (Coverage, error) {
	cells, err := a.Cells(Resolution)
	if err != nil {
		return Coverage{}, err
	}
	c := Coverage{Cells: make(map[int]int)}
	of := make(map[AreaCode]map[int]map[Cell]bool, len(a.All()))
	covered := make(map[Cell]bool, len(cells))
	for _, cell := range cells {
		middle, err := cell.Center()
		if err != nil {
			return Coverage{}, err
		}
		codes := a.deepest(middle)
		if len(codes) == 0 {
			continue // its edge lies in an area
		}
		covered[cell] = true
		if len(codes) > 1 {
			c.Overlaps = append(c.Overlaps, SharedCell{cell, codes})
		}
		if err := countCell(of, codes[0], cell); err != nil {
			return Coverage{}, err
		}
	}
	for _, res := range DisplayResolutions {
		all, err := a.Cells(res)
		if err != nil {
			return Coverage{}, err
		}
		c.Cells[res] = len(all)
	}
	for _, area := range a.All() {
		counts := make(map[int]int)
		for _, res := range DisplayResolutions {
			counts[res] = len(of[area.Code][res])
		}
		c.Areas = append(c.Areas, AreaCells{area.Code, counts})
	}
	c.Gaps, err = gaps(covered)
	return c, err
}

func countCell(of map[AreaCode]map[int]map[Cell]bool, code AreaCode, cell Cell) error {
	for _, res := range DisplayResolutions {
		parent, err := cell.Parent(res)
		if err != nil {
			return err
		}
		if of[code] == nil {
			of[code] = make(map[int]map[Cell]bool)
		}
		if of[code][res] == nil {
			of[code][res] = make(map[Cell]bool)
		}
		of[code][res][parent] = true
	}
	return nil
}

// deepest returns the areas that contain p and have the most parents, in their order.
func (a *Areas) deepest(p Point) []AreaCode {
	var codes []AreaCode
	depth := 0
	for i := range a.shapes { // the deepest first
		s := &a.shapes[i]
		if len(codes) > 0 && s.depth < depth {
			break
		}
		if s.contains(p) {
			codes, depth = append(codes, s.code), s.depth
		}
	}
	return codes
}

// gaps returns the cells that are not covered but enclosed by cells that are.
func gaps(covered map[Cell]bool) ([]Cell, error) {
	known := make(map[Cell]bool) // not covered, and looked at
	var all []Cell
	for cell := range covered {
		around, err := cell.Disk(1)
		if err != nil {
			return nil, fmt.Errorf("neighbours of a covered cell: %w", err)
		}
		for _, n := range around[1] {
			if covered[n] || known[n] {
				continue
			}
			enclosed, err := flood(n, covered, known)
			if err != nil {
				return nil, err
			}
			all = append(all, enclosed...)
		}
	}
	slices.Sort(all)
	return all, nil
}

// flood returns the cells that are reached from a start without crossing covered
// ones, nil when they are more than maxGapCells or meet what was: then it is the outside.
func flood(start Cell, covered, known map[Cell]bool) ([]Cell, error) {
	reached, mine := []Cell{start}, map[Cell]bool{start: true}
	known[start] = true
	for i := 0; i < len(reached); i++ {
		around, err := reached[i].Disk(1)
		if err != nil {
			return nil, fmt.Errorf("neighbours of a gap: %w", err)
		}
		for _, n := range around[1] {
			switch {
			case covered[n] || mine[n]:
			case known[n] || len(reached) == maxGapCells: // of the outside, or too many
				return nil, nil
			default:
				known[n], mine[n] = true, true
				reached = append(reached, n)
			}
		}
	}
	return reached, nil
}
