package dashboard

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/live"
)

type actOnManyInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"100" doc:"The same action on the same alert with the same key is done once"`
	Body struct {
		AlertAction
		Alerts []seenAlert `json:"alerts" minItems:"1" maxItems:"200"`
	}
}

type seenAlert struct {
	ID      string `json:"id" minLength:"1" maxLength:"100" doc:"UUID of the alert"`
	Version int64  `json:"version" minimum:"0" doc:"Version of the handling that the author has seen"`
}

type actResult struct {
	ID       string         `json:"id" doc:"UUID of the alert"`
	Status   int            `json:"status" doc:"What the same action on this alert alone would have been answered with" example:"200"`
	Detail   string         `json:"detail" doc:"Why it was refused; empty when it was not"`
	Handling *live.Handling `json:"handling" doc:"As it is now; null where that is not known"`
}

type actOnManyOutput struct {
	Body struct {
		Results []actResult `json:"results" nullable:"false" doc:"In the order of the alerts"`
	}
}

func (s *Server) actOnAlerts(ctx context.Context, in *actOnManyInput) (*actOnManyOutput, error) {
	if _, err := s.handlings(); err != nil {
		return nil, err
	}
	out := &actOnManyOutput{}
	out.Body.Results = make([]actResult, len(in.Body.Alerts))
	for i, seen := range in.Body.Alerts {
		out.Body.Results[i] = s.actOnOne(ctx, in, seen)
	}
	return out, nil
}

func (s *Server) actOnOne(ctx context.Context, in *actOnManyInput, seen seenAlert) actResult {
	r := actResult{ID: seen.ID, Status: http.StatusOK}
	done, err := s.act(ctx, &in.Body.AlertAction, seen.ID, seen.Version, in.Key)
	var refused huma.StatusError
	if errors.As(err, &refused) {
		r.Status, r.Detail = refused.GetStatus(), refused.Error()
	}
	if done.Alert.ID != "" {
		h := live.HandlingOf(done.Alert.Handling)
		r.Handling = &h
	}
	return r
}
