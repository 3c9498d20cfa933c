package store

import (
	"context"
	"errors"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// ErrConflict says that somebody else changed a record meanwhile. Look at what
// it is now and decide again.
var ErrConflict = errors.New("changed by somebody else meanwhile")

// Answer is what people say of an alert.
type Answer string

// The answers.
const (
	Confirmed  Answer = "confirmed"   // it was so
	FalseAlarm Answer = "false_alarm" // nothing was the matter
)

// Answers are all of them.
var Answers = [...]Answer{Confirmed, FalseAlarm}

// Verdict is a person's answer to an alert. There is at most one for an alert; a
// later answer replaces it.
type Verdict struct {
	AlertID string
	Answer  Answer
	By      string // who answered
	Note    string
	At      time.Time // of the answer
	Version int64     // 1 for the first answer, grows by 1 with every change
}

// VerdictQuery narrows to alerts. Zero fields do not narrow.
type VerdictQuery struct {
	Rule     string
	Kind     sensors.KindKey
	Category AlertCategory // alerts about the city, or about data
	From     time.Time     // alerts that were raised then or later
	To       time.Time     // alerts that were raised before
}

// Tally is what became of the alerts of one rule and kind. Those that became a
// part of another alert are not counted.
type Tally struct {
	Rule        string
	Kind        sensors.KindKey
	Raised      int
	Confirmed   int
	FalseAlarms int
}

// FalseAlarmShare returns the share of false alarms among the alerts that were
// answered, 0 to 1, and false when none was.
func (t Tally) FalseAlarmShare() (float64, bool) {
	answered := t.Confirmed + t.FalseAlarms
	if answered == 0 {
		return 0, false
	}
	return float64(t.FalseAlarms) / float64(answered), true
}

// Verdicts keeps what people say of alerts. It is safe for concurrent use.
type Verdicts interface {
	// SaveVerdict stores v when the version that is kept is v.Version, 0 for none,
	// and returns it as it is kept now. Errors: ErrConflict, together with the
	// verdict that is kept; ErrNotFound when there is no such alert.
	SaveVerdict(ctx context.Context, v Verdict) (Verdict, error)
	// VerdictsOn returns the verdicts on alerts by the ID of the alert. What is
	// not answered is not in it. At most MaxAlerts may be asked for at once.
	VerdictsOn(ctx context.Context, alerts []string) (map[string]Verdict, error)
	// VerdictsOf returns the newest verdicts on alerts, the newest first, at most
	// limit.
	VerdictsOf(ctx context.Context, q VerdictQuery, limit int) ([]Verdict, error)
	// TallyVerdicts counts alerts and answers for each rule and kind that raised
	// any, in order of rule and kind.
	TallyVerdicts(ctx context.Context, q VerdictQuery) ([]Tally, error)
}
