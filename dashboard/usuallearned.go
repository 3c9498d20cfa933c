package dashboard

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/sensors"
)

// learnedWait is how long the engine is waited for: it answers between two entries of
// the journal, and not at all while it cannot save alerts.
const learnedWait = 2 * time.Second

// Baselines answers what the engine has learned to be usual; analytics.Judging says
// how.
type Baselines interface {
	Learned(ctx context.Context, q analytics.LearnedRequest) (analytics.Learned, error)
}

var _ Baselines = (*analytics.Judging)(nil)

type learnedInput struct {
	Kind  string    `query:"kind" required:"true" doc:"Key of the kind" example:"noise"`
	Cell  string    `query:"cell" required:"true" doc:"H3 cell of resolution 7 to 10; a coarser one than 10 stands for those within it"`
	From  time.Time `query:"from" required:"true" doc:"Beginning, included; the first window begins at it or before"`
	To    time.Time `query:"to" required:"true" doc:"End, not included; at most two days after from"`
	Every string    `query:"every" doc:"Length of a window, at least 5m and a divisor of an hour; 5m when left out" example:"10m"`
}

type learnedPoint struct {
	At       time.Time `json:"at" doc:"Start of the window"`
	Low      float64   `json:"low" doc:"A tenth of what is usual lies below"`
	Expected float64   `json:"expected" doc:"The level of a measure; of events the mean count of a window"`
	High     float64   `json:"high" doc:"A tenth of what is usual lies above"`
}

type learnedBody struct {
	Unit         string           `json:"unit" doc:"UCUM code of the values: 1 for a count of events, else that of the kind"`
	EverySeconds float64          `json:"every_seconds"`
	State        string           `json:"state" enum:"learned,learning,none" doc:"learning: from fewer than full_hours, so that the range is wide and owes much to what the rule states; none: there are no points, and why says the reason"`
	Why          string           `json:"why" enum:",no_rule,outside,unheard,too_soon" doc:"Empty with points. no_rule: no rule in force learns what is usual of the kind; outside: no cell of the district lies there; unheard: no device has told the kind from there; too_soon: too little has been watched yet"`
	Rule         string           `json:"rule" doc:"Name of the rule that judges by it, empty for none"`
	Habits       analytics.Habits `json:"habits" enum:"week,day,none" doc:"Which times have habits of their own. week: each of the 168 hours of the week, with the level of the last days; day: each hour of working days, of Saturdays and of Sundays. In both, public holidays and the working days that make up for them go by the calendar of the server. none: all times are alike"`
	Cells        int              `json:"cells" doc:"Cells of resolution 10 that it is made of"`
	LearnedHours float64          `json:"learned_hours" doc:"Hours of watching behind it; of a measure a week at most, because no more is remembered"`
	FullHours    float64          `json:"full_hours" doc:"Hours from which every time has been learned"`
	Observations float64          `json:"observations" doc:"What it rests on: events that are remembered, older ones for less; steps of five minutes of a measure, 2,016 of a cell at most"`
	Points       []learnedPoint   `json:"points" nullable:"false" doc:"One a window, in ascending order"`
}

type learnedOutput struct{ Body learnedBody }

func (s *Server) baselineOperations(api huma.API) {
	op := operation("learned-baseline", "/series/baseline", "history", "What the engine has learned to be usual",
		"The numbers that alerts of a cell are judged by at the moment, for each window: of events the expected count, with the tenths of the negative binomial "+
			"that counts are held against; of a measure the level and the spread of its steps of five minutes, within the range of the kind. Moments that have passed are told by what is known now. "+
			"Sensors that failed are expected less of; while the whole area is busier than usual, alerts expect more of each place than is told here.")
	op.Errors = append(op.Errors, http.StatusNotImplemented)
	huma.Register(api, op, s.learnedBaseline)
}

func (s *Server) learnedBaseline(ctx context.Context, in *learnedInput) (*learnedOutput, error) {
	if s.deps.Baselines == nil {
		return nil, huma.Error501NotImplemented("this server does not judge, so it learns nothing")
	}
	q, kind, err := s.learnedRequest(in)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, learnedWait)
	defer cancel()
	known, err := s.deps.Baselines.Learned(asking, q)
	switch {
	case errors.Is(err, analytics.ErrLearnedRequest):
		return nil, huma.Error422UnprocessableEntity(err.Error())
	case err != nil && ctx.Err() == nil && asking.Err() != nil:
		return nil, huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the engine does not answer at the moment"),
			http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}})
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return &learnedOutput{Body: viewLearned(&known, kind, q.Every)}, nil
}

// learnedRequest reads the question.
func (s *Server) learnedRequest(in *learnedInput) (q analytics.LearnedRequest, kind sensors.Kind, err error) {
	every := in.Every
	if every == "" {
		every = usualEvery.String()
	}
	series, kind, err := s.seriesQuery(&seriesInput{Kind: in.Kind, Cell: in.Cell, From: in.From, To: in.To, Every: every})
	switch {
	case err != nil:
		return q, kind, err
	case series.Cell == 0:
		return q, kind, huma.Error422UnprocessableEntity("cell is missing")
	case series.To.Sub(series.From) > 48*time.Hour:
		return q, kind, huma.Error422UnprocessableEntity("to lies more than two days after from")
	}
	q = analytics.LearnedRequest{Kind: kind.Key, Cell: series.Cell, From: series.From.Truncate(series.Every), Every: series.Every}
	q.Windows = min(int(math.Ceil(float64(series.To.Sub(q.From))/float64(q.Every))), analytics.MaxLearnedWindows)
	return q, kind, nil
}

func viewLearned(known *analytics.Learned, kind sensors.Kind, every time.Duration) learnedBody {
	b := learnedBody{
		Unit: unitOf(kind, kind.Type == sensors.Event), EverySeconds: every.Seconds(), State: "learned",
		Why: string(known.Why), Rule: known.Rule, Habits: known.Habits, Cells: known.Cells,
		LearnedHours: known.For.Hours(), FullHours: known.Full.Hours(), Observations: known.Observations,
		Points: make([]learnedPoint, len(known.Windows)),
	}
	switch {
	case len(known.Windows) == 0:
		b.State = "none"
	case known.For < known.Full:
		b.State = "learning"
	}
	for i, w := range known.Windows {
		b.Points[i] = learnedPoint{At: w.Begin, Low: w.Low, Expected: w.Expected, High: w.High}
	}
	return b
}
