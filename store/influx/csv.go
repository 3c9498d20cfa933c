package influx

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// csvRow is a row of an answer without annotations. It is valid until the next.
type csvRow struct {
	columns map[string]int
	values  []string
	tags    map[string]grid.AreaCode // areas that were decoded
	cells   map[string]grid.Cell     // cells that were parsed
}

// text returns what is in a column as it is written, "" when there is none.
func (r *csvRow) text(column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(r.values) {
		return ""
	}
	return r.values[i]
}

func (r *csvRow) time(column string) (time.Time, error) {
	return time.Parse(time.RFC3339Nano, r.text(column))
}

func (r *csvRow) integer(column string) (int64, error) {
	return strconv.ParseInt(r.text(column), 10, 64)
}

func (r *csvRow) number(column string) (float64, error) {
	return strconv.ParseFloat(r.text(column), 64)
}

func (r *csvRow) cell() (grid.Cell, error) {
	text := r.text("cell")
	c, ok := r.cells[text]
	if ok {
		return c, nil
	}
	c, err := grid.ParseCell(text)
	if err == nil {
		r.cells[strings.Clone(text)] = c
	}
	return c, err
}

func (r *csvRow) area() (grid.AreaCode, error) {
	text := r.text("area")
	a, ok := r.tags[text]
	if ok {
		return a, nil
	}
	decoded, err := decode(text)
	if err == nil {
		r.tags[strings.Clone(text)] = grid.AreaCode(decoded)
	}
	return grid.AreaCode(decoded), err
}

// rowsOf calls each for every record of the answer to a query, of which it asks
// for the columns given alone. It is query for answers of hundreds of thousands of
// records: the client takes several times as long to read them. When ctx ends so
// does the query, at the server too.
func (s *Series) rowsOf(ctx context.Context, flux string, columns []string, each func(*csvRow) error) error {
	if _, err := s.ensure(ctx); err != nil {
		return err
	}
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	// One table for all series of a field, whose values have one type, takes the
	// server two thirds of the time that a table for each does.
	flux += fmt.Sprintf(` |> group(columns: ["_field"]) |> keep(columns: [%s])`, strings.Join(quoted, ", "))
	body, err := s.ask(ctx, flux)
	if err != nil {
		if notFound(err) {
			s.buckets.forget()
		}
		return unavailable(ctx, err)
	}
	defer body.Close()
	return readRows(ctx, body, each)
}

func readRows(ctx context.Context, body io.Reader, each func(*csvRow) error) error {
	lines := csv.NewReader(body)
	lines.ReuseRecord = true
	lines.FieldsPerRecord = -1
	row := csvRow{columns: make(map[string]int), tags: make(map[string]grid.AreaCode), cells: make(map[string]grid.Cell)}
	for {
		values, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unavailable(ctx, err)
		}
		switch {
		case slices.Contains(values, "error") && slices.Contains(values, "reference"):
			return unavailable(ctx, answeredError(lines))
		case slices.Contains(values, "table") && slices.Contains(values, "result"): // a header, of each kind of table
			clear(row.columns)
			for i, name := range values {
				row.columns[strings.Clone(name)] = i
			}
			continue
		}
		row.values = values
		if err := each(&row); err != nil {
			return err
		}
	}
}

// answeredError returns the error that is in an answer instead of its records.
func answeredError(lines *csv.Reader) error {
	values, err := lines.Read()
	if err != nil {
		return errors.New("the server broke off its answer")
	}
	return fmt.Errorf("the server broke off its answer: %s", strings.Join(values, " "))
}

// ask sends a query and returns its answer as it comes.
func (s *Series) ask(ctx context.Context, flux string) (io.ReadCloser, error) {
	question, err := json.Marshal(map[string]any{
		"query": flux, "type": "flux", "dialect": map[string]any{"header": true, "annotations": []string{}},
	})
	if err != nil {
		return nil, err
	}
	address := s.server + "/api/v2/query?" + url.Values{"org": {s.layout.org}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/csv")
	req.Header.Set("Accept-Encoding", "identity") // to compress it takes the server longer than to send it
	if s.opts.Token != "" {
		req.Header.Set("Authorization", "Token "+s.opts.Token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 2 {
		return res.Body, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 2000))
	if err != nil {
		return nil, err
	}
	return nil, &influxhttp.Error{StatusCode: res.StatusCode, Code: res.Status, Message: string(text), Header: res.Header}
}

// stateOf names counts by window.
func stateOf(span grid.Span, counts map[time.Time]int64) string {
	h := store.NewStateHash(span)
	for _, start := range slices.SortedFunc(maps.Keys(counts), time.Time.Compare) {
		h.Add(start, counts[start])
	}
	return h.String()
}
