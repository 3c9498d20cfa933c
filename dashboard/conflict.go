package dashboard

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// etag is the ETag of a version, which is kept in quotes.
func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// versionOf reads what etag writes, 0 when there is none: who sends none has seen
// nothing that could be overwritten.
func versionOf(tag string) (int64, error) {
	if tag == "" {
		return 0, nil
	}
	n, err := parseETag(tag)
	if err == nil && n < 1 {
		err = badETag(tag)
	}
	return n, err
}

// parseETag reads what etag writes of a version of 0 and more.
func parseETag(tag string) (int64, error) {
	number, opened := strings.CutPrefix(tag, `"`)
	number, closed := strings.CutSuffix(number, `"`)
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || !opened || !closed {
		return 0, badETag(tag)
	}
	return n, nil
}

func badETag(tag string) error {
	return huma.Error422UnprocessableEntity("If-Match is not the ETag of what is to be changed", &huma.ErrorDetail{
		Message: "expected a number in quotes", Location: "header.If-Match", Value: tag,
	})
}

// conflict is what the second of two is told who change the same thing.
type conflict struct {
	status  int    // 0 means 412
	message string // what is the matter, e.g. "the device was changed meanwhile"
	part    string // where present stands among the errors, e.g. "device"
	about   string // what present is, e.g. "the device as it is"
	present any
	tag     string              // ETag of present; "" when it has none to go on with
	since   []*huma.ErrorDetail // what was done meanwhile, as far as it is known
}

// problem shows the present state beside its ETag, with which the change may be
// tried again.
func (c conflict) problem() error {
	details := make([]error, 0, 1+len(c.since))
	details = append(details, &huma.ErrorDetail{Message: c.about, Location: c.part, Value: c.present})
	for _, d := range c.since {
		details = append(details, d)
	}
	problem := huma.NewError(cmp.Or(c.status, http.StatusPreconditionFailed), c.message, details...)
	if c.tag == "" {
		return problem
	}
	return huma.ErrorWithHeaders(problem, http.Header{"ETag": {c.tag}})
}
