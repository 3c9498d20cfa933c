package report

import (
	"context"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/sensors"
)

// Section is the part of a Result that is about one kind, where the report answers
// each of several kinds by itself: the tables, notes and features that name it.
type Section struct {
	Kind  sensors.KindKey `json:"kind" example:"smoke"`
	Names sensors.Names   `json:"names"`
}

// answerer answers a request into a Result.
type answerer func(ctx context.Context, req Request, tell Tell, out *Result) error

// byKind answers each kind of a request by itself: hot spots of one thing say nothing
// of those of another, and their numbers never add up. One kind alone has no sections.
func (r *Reporter) byKind(answer answerer) answerer {
	return func(ctx context.Context, req Request, tell Tell, out *Result) error {
		if req.Kinds.Len() < 2 {
			return answer(ctx, req, tell, out)
		}
		for _, k := range r.kindsOf(req) {
			one, part := req, &Result{}
			one.Kinds = KeysOf(k.Key)
			of := func(p jobs.Progress) {
				p.Step = sensors.Names{ZH: k.Names.ZH + "：" + p.Step.ZH, EN: k.Names.EN + ": " + p.Step.EN}
				tell(p)
			}
			if err := answer(ctx, one, of, part); err != nil {
				return err
			}
			out.section(k, part)
		}
		return nil
	}
}

// section adds what was answered of a kind.
func (r *Result) section(k sensors.Kind, part *Result) {
	r.Sections = append(r.Sections, Section{Kind: k.Key, Names: k.Names})
	key := func(table string) string { return table + "." + string(k.Key) }
	for _, t := range part.Tables {
		t.Key, t.Kind = key(t.Key), k.Key
		t.Title = sensors.Names{ZH: t.Title.ZH + "：" + k.Names.ZH, EN: t.Title.EN + ": " + k.Names.EN}
		r.Tables = append(r.Tables, t)
	}
	for _, f := range part.Features {
		f.Table = key(f.Table)
		r.Features = append(r.Features, f)
	}
	for _, n := range part.Notes {
		n.Kind = k.Key
		r.Notes = append(r.Notes, n)
	}
	for _, m := range part.Methods {
		if !slices.ContainsFunc(r.Methods, func(o Method) bool { return o.Key == m.Key }) {
			r.Methods = append(r.Methods, m)
		}
	}
	for _, d := range part.Definitions {
		if !slices.ContainsFunc(r.Definitions, func(o Definition) bool { return o.Key == d.Key }) {
			r.Definitions = append(r.Definitions, d)
		}
	}
	r.Data.Observations += part.Data.Observations
	if part.Data.Alerts != nil {
		r.Data.read(*part.Data.Alerts)
	}
}

// SectionName returns what people call the section of a kind, empty when there is
// none.
func (r *Result) SectionName(kind sensors.KindKey) sensors.Names {
	for _, s := range r.Sections {
		if s.Kind == kind {
			return s.Names
		}
	}
	return sensors.Names{}
}
