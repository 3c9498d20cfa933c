package dashboard

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// What an error repeats of a request is for a person to recognise it by; whoever
// sends a lot must not get a lot back. Longer is only what the server itself tells,
// the faults of a file among it.
const (
	maxEchoBytes  = 200
	maxTextBytes  = 2000
	maxBodyFaults = 100
)

// boundEcho is a [huma.Transformer]: it shortens what a problem repeats of the
// request that it answers.
func boundEcho(_ huma.Context, _ string, v any) (any, error) {
	problem, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	short := *problem
	short.Detail = cut(problem.Detail, maxTextBytes)
	short.Errors = make([]*huma.ErrorDetail, 0, len(problem.Errors))
	left := 0
	for i, e := range problem.Errors {
		if i >= maxBodyFaults && strings.HasPrefix(e.Location, "body") {
			left++
			continue
		}
		short.Errors = append(short.Errors, &huma.ErrorDetail{
			Message: cut(e.Message, maxTextBytes), Location: cut(e.Location, maxTextBytes), Value: boundValue(e.Value),
		})
	}
	if left > 0 {
		short.Errors = append(short.Errors, &huma.ErrorDetail{Message: fmt.Sprintf("and %d more faults", left), Location: "body"})
	}
	return &short, nil
}

// boundValue shortens what came with a request: texts, and what was read of JSON.
// What the server made itself is of another type and stays as it is.
func boundValue(v any) any {
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		return cut(text.String(), maxEchoBytes)
	}
	switch v := v.(type) {
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil || len(b) > maxEchoBytes {
			return cut(string(b), maxEchoBytes)
		}
	}
	return v
}

// cut shortens s to about most bytes and says how many there were.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:end], len(s))
}
