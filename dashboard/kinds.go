package dashboard

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/sensors"
)

type kindView struct {
	Key               sensors.KindKey   `json:"key" example:"noise"`
	Names             sensors.Names     `json:"names"`
	Type              sensors.KindType  `json:"type" enum:"measure,event" doc:"A measure has a level and is averaged; an event happens and is counted"`
	Unit              string            `json:"unit" doc:"UCUM code of values" example:"dB[SPL]"`
	UnitLabel         sensors.Names     `json:"unit_label" doc:"The unit as people write it"`
	Range             [2]float64        `json:"range" nullable:"false" doc:"Valid values in the unit, both ends included"`
	Scale             [2]float64        `json:"scale" nullable:"false" doc:"Values at the two ends of the legend, in the unit"`
	Bad               sensors.Direction `json:"bad" enum:"high,low," doc:"Which way of the value is bad for the city, empty for neither"`
	ClassCode         string            `json:"class_code" doc:"Set, component or event, and code of the national standards; empty for none"`
	LiveWindowSeconds float64           `json:"live_window_seconds" doc:"How far back a live cell looks, in seconds"`
}

type kindsOutput struct {
	Body struct {
		Kinds []kindView `json:"kinds" nullable:"false"`
	}
}

func (s *Server) kindOperations(api huma.API) {
	huma.Register(api, operation("list-kinds", "/kinds", "catalogue", "Kinds", "What is observed: the catalogue in its order."), s.listKinds)
}

func (s *Server) listKinds(ctx context.Context, _ *struct{}) (*kindsOutput, error) {
	out := &kindsOutput{}
	out.Body.Kinds = []kindView{}
	for _, k := range s.shownKinds(ctx).All() {
		out.Body.Kinds = append(out.Body.Kinds, kindView{
			Key: k.Key, Names: k.Names, Type: k.Type, Unit: k.Unit, UnitLabel: k.UnitLabel, Range: k.Range,
			Scale: k.Scale, Bad: k.Bad, ClassCode: k.ClassCode, LiveWindowSeconds: analytics.LiveWindow(k.Type).Seconds(),
		})
	}
	return out, nil
}

// kind returns the kind of a question, or the problem with it.
func (s *Server) kind(key sensors.KindKey) (sensors.Kind, error) {
	k, ok := s.deps.Kinds.Kind(key)
	if !ok {
		return k, huma.Error422UnprocessableEntity("unknown kind", &huma.ErrorDetail{
			Message: "the catalogue has no such kind", Location: "query.kind", Value: key,
		})
	}
	return k, nil
}
