package hotspot

import (
	"slices"
	"testing"
	"time"
)

// story is the life of what stands out in a district, look by look, at a threshold of
// 10: places stop to stand out below 6, and are severe from 30.
type story struct {
	t   *testing.T
	d   *Detector
	all []Change
}

func newStory(t *testing.T) *story { return &story{t: t, d: disk(t, 6)} }

// look is one step at which zones stand out, and returns what is told of it.
func (s *story) look(hot ...zone) []Why {
	s.t.Helper()
	s.d.hot = slices.Clone(hot)
	slices.SortFunc(s.d.hot, better)
	changes := s.d.live(s.d.endOf(s.d.now))
	s.d.slide()
	s.all = append(s.all, changes...)
	whys := []Why{}
	for _, c := range changes {
		whys = append(whys, c.Why)
	}
	return whys
}

func (s *story) want(what string, got []Why, want ...Why) {
	s.t.Helper()
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: told %v, want %v", what, got, want)
	}
}

// spot is a place in the middle of the district, or some cells beside it, that stands
// out with so many events in half an hour.
func (s *story) spot(beside int, score, count float64, rings int8) zone {
	s.t.Helper()
	around, err := middle(s.t).Disk(beside)
	if err != nil {
		s.t.Fatal(err)
	}
	i, _ := s.d.lattice.Index(around[beside][0])
	return zone{center: int32(i), ring: rings, window: 2, count: count, mean: 1, score: score} //nolint:gosec // a lattice has fewer cells
}

func TestHotspot_IsToldOfAtTheSecondLookUnlessItIsPlain(t *testing.T) {
	s := newStory(t)
	s.want("the first look", s.look(s.spot(0, 11, 9, 0)))
	s.want("nothing at the second", s.look())
	s.want("two of three", s.look(s.spot(0, 11, 9, 0)), Raised)
	s.want("twice the threshold", s.look(s.spot(0, 11, 9, 0), s.spot(5, 20, 9, 0)), Raised)
	if open := s.d.Open(); len(open) != 2 || open[0].Revision != 1 || open[0].ID == open[1].ID {
		t.Errorf("open are %+v, want two hotspots of revision 1", open)
	}
}

func TestHotspot_IsToldOfAgainWhenItHasGrownByHalf(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	s.want("two fifths more events", s.look(s.spot(0, 22, 14, 0)))
	s.want("half as many again", s.look(s.spot(0, 22, 15, 0)), Grown)
	s.want("as many as when last told, and a little", s.look(s.spot(0, 22, 22, 0)))
	s.want("half as many again as when last told", s.look(s.spot(0, 22, 22.5, 0)), Grown)
	s.want("seven cells in place of one", s.look(s.spot(0, 22, 22.5, 1)), Grown)
	s.want("fewer events", s.look(s.spot(0, 22, 12, 1)))
	revision := s.d.Open()[0].Revision
	if want := int64(len(s.all)); revision != want {
		t.Errorf("it is of revision %d after %d changes", revision, want)
	}
}

func TestHotspot_ThatItIsSevereIsToldOnce(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	s.want("below three times the threshold", s.look(s.spot(0, 29, 10, 0)))
	s.want("three times the threshold", s.look(s.spot(0, 30, 10, 0)), Grown)
	s.want("still", s.look(s.spot(0, 40, 10, 0)))
	s.want("less again", s.look(s.spot(0, 12, 10, 0)))
	if !s.all[len(s.all)-1].Severe || s.all[0].Severe {
		t.Errorf("severe was told as %v", s.all)
	}
}

func TestHotspot_CoolsRekindlesAndEnds(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	s.want("below the threshold it stands out less, but does", s.look(s.spot(0, 7, 10, 0)))
	s.want("not at all", s.look(), Cooled)
	s.want("less than the threshold does not rekindle", s.look(s.spot(0, 7, 10, 0)))
	s.want("the threshold does", s.look(s.spot(0, 10, 10, 0)), Rekindled)
	s.want("not at all", s.look(), Cooled)
	for i := range 28 { // its window of half an hour, of which one look has been
		s.want("cooling", s.look())
		if len(s.d.Open()) != 1 {
			t.Fatalf("it is closed after %d minutes", i+2)
		}
	}
	s.want("as long as its window", s.look(), Ended)
	if last := s.all[len(s.all)-1]; last.ID != s.all[0].ID || last.Phase != Closed || last.ClosedAt.IsZero() || len(s.d.Open()) != 0 {
		t.Errorf("it ended as %+v", last)
	}
}

func TestHotspot_OneThatFlapsIsNotToldOfAndDoesNotEnd(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	for range 60 {
		s.look()
		s.look(s.spot(0, 12, 10, 0))
	}
	flapping := slices.IndexFunc(s.all, func(c Change) bool { return c.Flapping })
	if flapping < 0 || flapping > 8 || len(s.all) != flapping+1 {
		t.Fatalf("of 120 changes of state %d were told, the one that it flaps was number %d", len(s.all), flapping)
	}
	s.want("it has become severe", s.look(s.spot(0, 30, 10, 0)), Grown)
	for range 21 {
		s.want("calm, but not for long", s.look(s.spot(0, 12, 10, 0)))
	}
	if s.d.Open()[0].Flapping {
		t.Error("21 looks after it last changed it is still said to flap")
	}
	s.want("over, and told of again", s.look(), Cooled)
}

func TestHotspot_OneThatFlapsEndsWhenItIsCalm(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	for range 20 {
		s.look()
		s.look(s.spot(0, 12, 10, 0))
	}
	told := len(s.all)
	for range 45 {
		s.look()
	}
	if got := s.all[told:]; len(got) != 1 || got[0].Why != Ended {
		t.Errorf("three quarters of an hour of calm were told as %+v, want that it ended", got)
	}
}

func TestHotspot_MovesWithWhatItHolds(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 1))
	s.want("one cell on, in its own middle", s.look(s.spot(1, 20, 10, 1)))
	s.want("two cells on", s.look(s.spot(2, 20, 10, 1)), Moved)
	if open := s.d.Open(); len(open) != 1 || open[0].ID != s.all[0].ID {
		t.Errorf("open are %+v, want the one that moved", open)
	}
}

func TestHotspot_TheOlderOfTwoHoldsBothAndKeepsItsNameWhenTheyPart(t *testing.T) {
	s := newStory(t)
	s.look(s.spot(0, 20, 10, 0))
	s.look(s.spot(0, 20, 10, 0), s.spot(2, 25, 10, 0))
	older, younger := s.all[0].ID, s.all[1].ID
	got := s.look(s.spot(0, 20, 10, 0), s.spot(1, 26, 20, 1), s.spot(2, 25, 10, 0))
	s.want("they meet", got, Merged, Grown)
	if merged := s.all[2]; merged.ID != younger || merged.MergedInto != older {
		t.Errorf("%s merged into %s, want %s into %s", merged.ID, merged.MergedInto, younger, older)
	}
	got = s.look(s.spot(1, 20, 10, 0), s.spot(3, 20, 10, 0))
	s.want("they part", got, Moved, Raised)
	if open := s.d.Open(); len(open) != 2 || open[0].ID != older || open[1].ID == younger {
		t.Errorf("open are %+v, want %s and a new one", open, older)
	}
	if took := s.d.endOf(s.d.now).Sub(monday); took > time.Hour {
		t.Errorf("the story takes %s", took)
	}
}
