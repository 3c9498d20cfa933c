package export

import (
	"encoding/json"
	"io"

	"github.com/urbangrid/urbangrid/analytics/report"
)

func writeJSON(w io.Writer, r *report.Result) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}
