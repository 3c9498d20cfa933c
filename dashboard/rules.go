package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/sensors"
)

type ruleView struct {
	Name        string          `json:"name" example:"noise_loud"`
	Kind        sensors.KindKey `json:"kind" example:"noise"`
	Detector    string          `json:"detector" enum:"threshold,exceedance,hotspot,change,baseline,drift,silence,outlier"`
	Rule        ruleBody        `json:"rule" doc:"As it holds"`
	File        ruleBody        `json:"file" doc:"As the rules file of the server has it"`
	Off         bool            `json:"off" doc:"Nobody is told anything by it"`
	Changed     bool            `json:"changed" doc:"It differs from the file by somebody's hand"`
	Stale       string          `json:"stale" doc:"Why what somebody changed is not used, empty otherwise"`
	Pending     bool            `json:"pending" doc:"Saved, but the engine does not judge by it yet: it will at the latest when the server starts"`
	LeadSeconds float64         `json:"lead_seconds" doc:"How long before a time it must have watched to judge then as it would have"`
	LastChange
}

func viewRuleEntry(e rulebook.Entry) ruleView {
	return ruleView{
		Name: e.File.Name, Kind: e.File.Kind, Detector: e.File.Detector(), Rule: viewRule(e.Rule), File: viewRule(e.File),
		Off: e.Off, Changed: e.Changed(), Stale: e.Stale, Pending: e.Pending, LeadSeconds: e.Rule.Lead().Seconds(), LastChange: viewSetting(e.Setting),
	}
}

type ruleOutput struct {
	ETag string `header:"ETag" doc:"The version in quotes: give it as If-Match to change the rule; missing before the first change"`
	Body ruleView
}

type rulesOutput struct {
	Body struct {
		Rules []ruleView `json:"rules" nullable:"false" doc:"In the order of the rules file"`
	}
}

type ruleInput struct {
	Name string `path:"name" maxLength:"100" example:"noise_loud"`
}

type putRuleInput struct {
	Name    string `path:"name" maxLength:"100" example:"noise_loud"`
	IfMatch string `header:"If-Match" doc:"ETag of the rule that was seen; left out for the first change" example:"\"1\""`
	Body    struct {
		Rule ruleBody `json:"rule"`
		Off  bool     `json:"off,omitempty" doc:"Nobody is to be told anything by it; its open alerts are closed"`
		ChangedBy
	}
}

// ChangeBack is who takes a change back, and what they saw.
type ChangeBack struct {
	IfMatch string `header:"If-Match" required:"true" doc:"ETag of what was seen" example:"\"1\""`
	By      Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who takes the change back" example:"王芳"`
	Note    string `query:"note" maxLength:"1000"`
}

type resetRuleInput struct {
	Name string `path:"name" maxLength:"100" example:"noise_loud"`
	ChangeBack
}

func (s *Server) ruleOperations(api huma.API) {
	list := operation("list-rules", "/rules", settingsTag, "Rules", "What alerts are raised by, in the order of the rules file, with what people changed.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listRules)
	read := operation("get-rule", "/rules/{name}", settingsTag, "Rule", "")
	read.Errors = append(read.Errors, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, read, s.getRule)
	huma.Register(api, command(http.MethodPut, "change-rule", "/rules/{name}", "Change a rule",
		"The engine judges by it from now on, without a restart; what it has learned stays, unless the windows or the step of a hotspot change. "+
			"Of two people who change a rule at once the second is refused with 412 and shown the rule as it is.",
		http.StatusNotFound, http.StatusPreconditionFailed), s.putRule)
	huma.Register(api, command(http.MethodDelete, "reset-rule", "/rules/{name}", "Take the changes of a rule back", "What the rules file says holds again.",
		http.StatusNotFound, http.StatusPreconditionFailed), s.resetRule)
}

func (s *Server) rulebook() (*rulebook.Book, error) {
	if s.deps.Settings.Rules == nil {
		return nil, notKept("rules")
	}
	return s.deps.Settings.Rules, nil
}

func (s *Server) listRules(context.Context, *struct{}) (*rulesOutput, error) {
	book, err := s.rulebook()
	if err != nil {
		return nil, err
	}
	out := &rulesOutput{}
	out.Body.Rules = []ruleView{}
	for _, e := range book.List() {
		out.Body.Rules = append(out.Body.Rules, viewRuleEntry(e))
	}
	return out, nil
}

func (s *Server) getRule(ctx context.Context, in *ruleInput) (*ruleOutput, error) {
	book, err := s.rulebook()
	if err != nil {
		return nil, err
	}
	e, err := book.Entry(in.Name)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &ruleOutput{ETag: settingTag(e.Setting), Body: viewRuleEntry(e)}, nil
}

func (s *Server) putRule(ctx context.Context, in *putRuleInput) (*ruleOutput, error) {
	book, err := s.rulebook()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	e, err := book.Entry(in.Name)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.changeRule(ctx, book, in.Name, rulebook.Change{Rule: in.Body.Rule.rule(e.File), Off: in.Body.Off, Version: version, By: string(in.Body.By), Note: in.Body.Note})
}

func (s *Server) resetRule(ctx context.Context, in *resetRuleInput) (*ruleOutput, error) {
	book, err := s.rulebook()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return s.changeRule(ctx, book, in.Name, rulebook.Change{Reset: true, Version: version, By: string(in.By), Note: in.Note})
}

func (s *Server) changeRule(ctx context.Context, book *rulebook.Book, name string, c rulebook.Change) (*ruleOutput, error) {
	e, err := book.Change(ctx, name, c)
	switch {
	case errors.Is(err, rulebook.ErrInvalid):
		return nil, invalid(err)
	case isConflict(err):
		return nil, changedMeanwhile(fmt.Sprintf("rule %s", name), viewRuleEntry(e), e.Setting.Version)
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return &ruleOutput{ETag: settingTag(e.Setting), Body: viewRuleEntry(e)}, nil
}
