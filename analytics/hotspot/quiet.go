package hotspot

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// quiet is the history that thresholds come from: the best score of every block
// of time, without the blocks in which something was going on. From it follows how
// often a score is reached by chance, in episodes: blocks that reach it, with
// less than episodeGap between them, are one episode, as they would be one hotspot.
//
// Beyond what was seen the tail is exponential, as that of a log-likelihood ratio
// is: excesses over a high score have a mean, and reaching s more is exp(-s/mean)
// times as seldom (peaks over threshold; Coles 2001, with shape 0).
type quiet struct {
	First    int64     // number of the first block
	Blocks   []float32 // best scores, oldest first; with a minus sign those that do not count
	Excluded []excluded
	tail     tail
}

// excluded is the time of a hotspot that people say is real.
type excluded struct {
	ID       string
	From, To int64 // its first and last block
}

// notWatched is a block in which nobody watched.
var notWatched = float32(math.Inf(-1))

// quietBlock reports whether a block is part of the history. The score of one that is
// excluded stays behind its minus sign, for when people change their minds.
func quietBlock(block float32) bool { return !math.Signbit(float64(block)) }

const (
	block      = 15 * time.Minute
	episodeGap = 4           // blocks below a score that end an episode of it
	quietLimit = 13 * 7 * 96 // blocks: a quarter of a year
	perWeek    = float64(week / block)

	tailEpisodes  = 24 // that the tail is fitted to, at least
	tailPerBudget = 3  // or so many for each episode of the budget
)

// tail says how often scores are reached by chance.
type tail struct {
	From float64 // the score that it begins at
	Rate float64 // episodes a week that reach it
	Mean float64 // of what episodes have above it; 0 for no tail
}

func blockOf(t time.Time) int64 { return t.Unix() / int64(block/time.Second) }

// record takes in the best score of a step from one time to another. Blocks before
// it that were never recorded are such in which nobody watched.
func (q *quiet) record(from, to time.Time, score float64) {
	n := blockOf(to)
	if len(q.Blocks) == 0 || n-q.First-int64(len(q.Blocks)) > quietLimit {
		q.First, q.Blocks = n, q.Blocks[:0]
	}
	for next := q.First + int64(len(q.Blocks)); next <= n; next++ {
		quiet := float32(0)
		if next < blockOf(from) {
			quiet = notWatched
		}
		q.Blocks = append(q.Blocks, quiet)
	}
	if over := len(q.Blocks) - quietLimit; over > 0 {
		q.Blocks = slices.Delete(q.Blocks, 0, over)
		q.First += int64(over)
		q.Excluded = slices.DeleteFunc(q.Excluded, func(e excluded) bool { return e.To < q.First })
	}
	switch b := &q.Blocks[n-q.First]; {
	case quietBlock(*b):
		*b = max(*b, float32(score))
	case *b != notWatched:
		*b = -max(-*b, float32(score))
	}
}

// exclude takes the time of a hotspot out of the history, instead of what it took out
// for it before.
func (q *quiet) exclude(id string, from, to time.Time) {
	q.include(id)
	e := excluded{ID: id, From: blockOf(from), To: blockOf(to)}
	q.Excluded = append(q.Excluded, e)
	q.each(e, hide)
}

// include gives the time of a hotspot back to the history, as far as no other
// excludes it.
func (q *quiet) include(id string) {
	at := slices.IndexFunc(q.Excluded, func(e excluded) bool { return e.ID == id })
	if at < 0 {
		return
	}
	e := q.Excluded[at]
	q.Excluded = slices.Delete(q.Excluded, at, at+1)
	q.each(e, func(b *float32) {
		if *b != notWatched && !quietBlock(*b) {
			*b = -*b
		}
	})
	for _, other := range q.Excluded {
		q.each(other, hide)
	}
}

func hide(b *float32) {
	if quietBlock(*b) {
		*b = -*b
	}
}

// each calls do with each block of a time that is in the history.
func (q *quiet) each(e excluded, do func(*float32)) {
	for n := max(e.From, q.First); n <= e.To && n < q.First+int64(len(q.Blocks)); n++ {
		do(&q.Blocks[n-q.First])
	}
}

// weeks is how much quiet history there is.
func (q *quiet) weeks() float64 {
	n := 0
	for _, b := range q.Blocks {
		if quietBlock(b) {
			n++
		}
	}
	return float64(n) / perWeek
}

// peaks returns the best score of each episode that reaches score.
func (q *quiet) peaks(score float64) []float64 {
	var all []float64
	last := -episodeGap - 1
	for i, b := range q.Blocks {
		if float64(b) < score || !quietBlock(b) {
			continue
		}
		if i-last > episodeGap {
			all = append(all, float64(b))
		} else {
			all[len(all)-1] = max(all[len(all)-1], float64(b))
		}
		last = i
	}
	return all
}

// fit makes the tail for a budget of episodes a week.
func (q *quiet) fit(budget float64) {
	q.tail = tail{}
	weeks := q.weeks()
	if weeks == 0 {
		return
	}
	want := int(max(tailEpisodes, tailPerBudget*budget*weeks))
	sorted := slices.Clone(q.Blocks)
	slices.SortFunc(sorted, func(a, b float32) int { return cmp.Compare(b, a) })
	// The highest score that enough episodes reach. Going down, episodes become
	// more and at last grow together, so the first is the right one.
	for i, s := range sorted {
		if s <= 0 || i+1 < want || i+1 < len(sorted) && sorted[i+1] == s {
			continue
		}
		peaks := q.peaks(float64(s))
		if len(peaks) < want && i < len(sorted)-1 && i < 20*want {
			continue
		}
		over := 0.0
		for _, p := range peaks {
			over += p - float64(s)
		}
		q.tail = tail{From: float64(s), Rate: float64(len(peaks)) / weeks, Mean: over / float64(len(peaks))}
		return
	}
}

// rate returns how many episodes a week reach a score by chance, and false when
// the history does not tell.
func (q *quiet) rate(score float64) (perWeek float64, known bool) {
	t := q.tail
	switch {
	case t.Mean <= 0:
		return 0, false
	case score >= t.From:
		return t.Rate * math.Exp(-(score-t.From)/t.Mean), true
	default:
		return float64(len(q.peaks(score))) / q.weeks(), true
	}
}

// recurrence returns how seldom a score is reached by chance, 0 when that is not
// known, at most a century.
func (q *quiet) recurrence(score float64) time.Duration {
	rate, known := q.rate(score)
	if !known {
		return 0
	}
	const century = 100 * 365.25 * 24 * time.Hour
	if rate*float64(century) <= float64(week) {
		return century
	}
	return time.Duration(float64(week) / rate)
}

// threshold returns the score that chance reaches budget times a week. Until the
// history tells, it is fallback; in between it moves from one to the other.
func (q *quiet) threshold(budget, fallback float64) float64 {
	if q.tail.Mean <= 0 {
		return fallback
	}
	t := q.tail
	fitted := t.From + t.Mean*math.Log(max(t.Rate/budget, 1))
	trust := q.weeks() / (q.weeks() + 0.5)
	return trust*fitted + (1-trust)*fallback
}

// recalibrate makes the threshold anew.
func (d *Detector) recalibrate() {
	d.quiet.fit(d.opts.Budget)
	d.threshold = d.quiet.threshold(d.opts.Budget, d.firstThreshold()) + d.offset
}

// firstThreshold is what stands out where there is no quiet history yet: what 400
// cells need for one false episode a week in simulation, and a little more for
// each doubling, since the greatest of n grows with the logarithm of n.
func (d *Detector) firstThreshold() float64 {
	cells := float64(max(d.lattice.Len(), 2))
	return max(12.5+math.Log(cells/400)-math.Log(d.opts.Budget), 8)
}

// Threshold returns the score from which places stand out now.
func (d *Detector) Threshold() float64 {
	if d.opts.Threshold > 0 {
		return d.opts.Threshold
	}
	return d.threshold
}

// floor is the score below which a place does not stand out any more.
func (d *Detector) floor() float64 { return offShare * d.Threshold() }
