package influx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/domain"
	"github.com/urbangrid/urbangrid/store"
)

// purpose is what a bucket is for.
type purpose int

// The purposes, in the order of their retention.
const (
	forRaw purpose = iota // observations and roll-ups of ten seconds
	forMinutes
	forHours // roll-ups of one hour and the position, which outlives the others
	forDays
	purposes
)

func (p purpose) String() string { return [...]string{"raw", "minutes", "hours", "days"}[p] }

// shards are the stretches of time that the server keeps in files of their own,
// and deletes as one, where its choice of a week would not do: a question for a
// quarter in days would open fourteen files for seven points of each series.
var shards = [purposes]time.Duration{forDays: 13 * 7 * 24 * time.Hour}

func wanted(r store.Retention, p purpose) time.Duration {
	return [...]time.Duration{r.Raw, r.Minutes, r.Hours, r.Days}[p]
}

// layout names the buckets of a Series. In 2.x they are buckets of an
// organisation, in 1.8 retention policies of a database.
type layout struct {
	org      string
	database string // of 1.8, "" for 2.x
	names    [purposes]string
}

// newLayout derives the names from the bucket of an address. Without an
// organisation it is a database of 1.8; what follows a slash begins the names of
// its policies.
func newLayout(org, bucket string) layout {
	l := layout{org: org}
	prefix := bucket + "_"
	if org == "" {
		var policies string
		l.database, policies, _ = strings.Cut(bucket, "/")
		prefix = l.database + "/"
		if policies != "" {
			prefix += policies + "_"
		}
	}
	for p := range purposes {
		l.names[p] = prefix + p.String()
	}
	return l
}

// policy returns the retention policy of 1.8 behind a bucket.
func (l layout) policy(p purpose) string { return strings.TrimPrefix(l.names[p], l.database+"/") }

// setupError says what a person must put in order at the server.
type setupError struct{ text string }

func (e *setupError) Error() string { return e.text }

// buckets makes sure, once, that a Series has its buckets. It is safe for
// concurrent use.
type buckets struct {
	mu    sync.Mutex // guards what follows, and one look at the server at a time
	ready bool
	kept  store.Retention  // what the server keeps, which may differ from what was asked for
	ids   [purposes]string // of 2.x
}

// ensure checks the buckets and creates those that are missing, until that has
// worked once. It never changes one that exists.
func (s *Series) ensure(ctx context.Context) (store.Retention, error) {
	b := &s.buckets
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ready {
		return b.kept, nil
	}
	find := s.ensureBucket
	if s.layout.database != "" {
		find = s.ensurePolicy
	}
	var kept [purposes]time.Duration
	for p := range purposes {
		var err error
		if kept[p], b.ids[p], err = find(ctx, p); err != nil {
			return store.Retention{}, unavailable(ctx, fmt.Errorf("bucket %s: %w", s.layout.names[p], err))
		}
		if want := wanted(s.opts.Retention, p); kept[p] != want {
			s.log.Warn("bucket keeps points for another time than the settings say; the bucket's holds",
				"bucket", s.layout.names[p], "bucket_hours", kept[p].Hours(), "settings_hours", want.Hours())
		}
	}
	b.kept = store.Retention{Raw: kept[forRaw], Minutes: kept[forMinutes], Hours: kept[forHours], Days: kept[forDays]}
	b.ready = true
	return b.kept, nil
}

// forget makes the next call look at the buckets again, after one was found
// missing.
func (b *buckets) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = false
}

// ensureBucket is ensure for a bucket of 2.x.
func (s *Series) ensureBucket(ctx context.Context, p purpose) (time.Duration, string, error) {
	name := s.layout.names[p]
	found, err := s.client.APIClient().GetBuckets(ctx, &domain.GetBucketsParams{Name: &name, Org: &s.layout.org})
	switch {
	case denied(err):
		return 0, "", s.missing(err)
	case err != nil && !notFound(err):
		return 0, "", err
	case err == nil && found.Buckets != nil && len(*found.Buckets) > 0:
		b := (*found.Buckets)[0]
		return keeps(b), *b.Id, nil
	}
	org, err := s.client.OrganizationsAPI().FindOrganizationByName(ctx, s.layout.org)
	if denied(err) || notFound(err) || err != nil && strings.Contains(err.Error(), "not found") {
		return 0, "", s.missing(err)
	}
	if err != nil {
		return 0, "", err
	}
	var rules []domain.RetentionRule
	keep := max(0, wanted(s.opts.Retention, p)) // 0 is for ever
	if shard := shards[p]; keep > 0 || shard > 0 {
		rule := domain.RetentionRule{EverySeconds: int64(keep.Seconds())}
		if shard > 0 && (keep == 0 || keep >= shard) {
			seconds := int64(shard.Seconds())
			rule.ShardGroupDurationSeconds = &seconds
		}
		rules = append(rules, rule)
	}
	b, err := s.client.BucketsAPI().CreateBucketWithName(ctx, org, name, rules...)
	if denied(err) || notFound(err) {
		return 0, "", s.missing(err)
	}
	if err != nil {
		return 0, "", err
	}
	s.log.Info("bucket created", "bucket", name, "keeps_hours", keeps(*b).Hours())
	return keeps(*b), *b.Id, nil
}

func keeps(b domain.Bucket) time.Duration {
	for _, r := range b.RetentionRules {
		if r.EverySeconds > 0 {
			return time.Duration(r.EverySeconds) * time.Second
		}
	}
	return store.Forever
}

func status(err error) int {
	var failure *influxhttp.Error
	if errors.As(err, &failure) {
		return failure.StatusCode
	}
	return 0
}

// is reports whether err is the server's answer of that status. The client's
// calls for buckets and organisations give the code in their text alone.
func is(err error, wanted int, code string) bool {
	return err != nil && (status(err) == wanted || status(err) == 0 && strings.HasPrefix(err.Error(), code+":"))
}

func denied(err error) bool {
	return is(err, http.StatusUnauthorized, "unauthorized") || is(err, http.StatusForbidden, "forbidden")
}

func notFound(err error) bool { return is(err, http.StatusNotFound, "not found") }

// missing says what to create, or what right to give, so that everything can be
// put in order at once.
func (s *Series) missing(cause error) error {
	var list []string
	for p := range purposes {
		keep := "for ever"
		if d := wanted(s.opts.Retention, p); d > 0 {
			keep = d.String()
		}
		list = append(list, fmt.Sprintf("%s (keeps %s)", s.layout.names[p], keep))
	}
	what := "buckets in the organisation " + s.layout.org
	if s.layout.database != "" {
		what = "retention policies in the database " + s.layout.database
	}
	return &setupError{fmt.Sprintf("it is not there or not to be seen, and the token may not create it (%v). Create these %s: %s; "+
		"and give the token the right to read and write them, or to create them", cause, what, strings.Join(list, ", "))}
}

// ensurePolicy is ensure for a retention policy of 1.8.
func (s *Series) ensurePolicy(ctx context.Context, p purpose) (time.Duration, string, error) {
	list := "SHOW RETENTION POLICIES ON " + identifier(s.layout.database)
	kept, found, err := s.policyKeeps(ctx, list, p)
	if err != nil && strings.Contains(err.Error(), "database not found") {
		if _, err := s.influxQL(ctx, "CREATE DATABASE "+identifier(s.layout.database)); err != nil {
			return 0, "", s.mayCreate(err)
		}
		kept, found, err = s.policyKeeps(ctx, list, p)
	}
	if err != nil || found {
		return kept, "", s.mayCreate(err)
	}
	keep := "INF"
	d := wanted(s.opts.Retention, p)
	if d > 0 {
		keep = fmt.Sprintf("%ds", int64(d.Seconds()))
	}
	statement := fmt.Sprintf("CREATE RETENTION POLICY %s ON %s DURATION %s REPLICATION 1", identifier(s.layout.policy(p)), identifier(s.layout.database), keep)
	if shard := shards[p]; shard > 0 && (d < 0 || d >= shard) {
		statement += fmt.Sprintf(" SHARD DURATION %ds", int64(shard.Seconds()))
	}
	if _, err := s.influxQL(ctx, statement); err != nil {
		return 0, "", s.mayCreate(err)
	}
	s.log.Info("retention policy created", "bucket", s.layout.names[p], "keeps", keep)
	kept, _, err = s.policyKeeps(ctx, list, p)
	return kept, "", err
}

func (s *Series) mayCreate(err error) error {
	if err != nil && (denied(err) || strings.Contains(err.Error(), "not authorized")) {
		return s.missing(err)
	}
	return err
}

func identifier(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

func (s *Series) policyKeeps(ctx context.Context, list string, p purpose) (kept time.Duration, found bool, err error) {
	rows, err := s.influxQL(ctx, list)
	if err != nil {
		return 0, false, err
	}
	for _, row := range rows {
		if len(row) < 2 || row[0] != s.layout.policy(p) {
			continue
		}
		text, _ := row[1].(string) // such as 720h0m0s
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, false, fmt.Errorf("retention policy: %w", err)
		}
		if d == 0 {
			d = store.Forever
		}
		return d, true, nil
	}
	return 0, false, nil
}

// influxQL runs one statement of 1.8 and returns the rows of its answer.
func (s *Series) influxQL(ctx context.Context, statement string) ([][]any, error) {
	body, err := s.request(ctx, http.MethodPost, "/query", url.Values{"q": {statement}})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []struct {
			Series []struct{ Values [][]any }
			Error  string
		}
		Error string
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("answer to %q: %w", statement, err)
	}
	var rows [][]any
	for _, r := range answer.Results {
		if r.Error != "" {
			return nil, errors.New(r.Error)
		}
		for _, series := range r.Series {
			rows = append(rows, series.Values...)
		}
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return rows, nil
}

const maxAnswerBytes = 64 << 20

// request asks a part of the server that the client has no call for.
func (s *Series) request(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.server+path, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.opts.Token != "" {
		req.Header.Set("Authorization", "Token "+s.opts.Token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, &influxhttp.Error{StatusCode: res.StatusCode, Code: res.Status, Message: string(body[:min(len(body), 500)]), Header: res.Header}
	}
	return body, nil
}
