package dashboard

import (
	"context"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// System is where the state of the server itself comes from.
type System struct {
	Probe    func(context.Context) (Probe, error)
	Sampler  *Sampler
	Warnings func() []Warning // the newest first; nil means that none are kept
}

// Probe is what the server's surroundings are like.
type Probe struct {
	Broker           string // where observations come from, without secrets
	BrokerEmbedded   bool
	Connections      int64 // of the broker, -1 when nobody knows
	JournalFirst     uint64
	JournalLast      uint64
	JournalBytes     int64
	JournalMaxBytes  int64
	Stores           []StoreProbe
	DiskPath         string
	DiskFree         int64 // bytes that this program may still write
	DiskSize         int64
	BackupsSupported bool     // backups are made by this server
	Backups          []Backup // the newest first
}

// StoreProbe is one store.
type StoreProbe struct {
	Name  string // "series", "records"
	URL   string // as configured, without secrets
	Bytes int64  // on disk, -1 when nobody knows
}

// Backup is one that was made.
type Backup struct {
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"`
	Path  string    `json:"path"`
}

// Warning is a line of the log that somebody should know of.
type Warning struct {
	At        time.Time         `json:"at"`
	Level     string            `json:"level" enum:"warn,error"`
	Component string            `json:"component"`
	Message   string            `json:"message"`
	Facts     map[string]string `json:"facts" doc:"Attributes of the line"`
}

type storeView struct {
	Name    string `json:"name" example:"series"`
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"`
	Error   string `json:"error" doc:"Why it is not, empty when it is"`
	Bytes   int64  `json:"bytes" doc:"On disk, -1 when nobody knows"`
}

type rejectedView struct {
	Reason string  `json:"reason"`
	Total  float64 `json:"total" doc:"Since the server began"`
	Lately float64 `json:"lately" doc:"In the last 10 minutes"`
}

type systemView struct {
	Version       string    `json:"version"`
	Go            string    `json:"go" doc:"Version of the language the program was built with"`
	StartedAt     time.Time `json:"started_at"`
	Now           time.Time `json:"now"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	Demo          bool      `json:"demo"`
	Ready         bool      `json:"ready" doc:"Every part answers"`

	Stages  Progress `json:"stages"`
	Journal struct {
		Entries    uint64   `json:"entries" doc:"That it holds"`
		Unrecorded uint64   `json:"unrecorded" doc:"Entries that are not in the series store yet"`
		Unjudged   uint64   `json:"unjudged" doc:"Entries that are not judged yet"`
		LagSeconds float64  `json:"lag_seconds" doc:"Age of the oldest entry that the recorder holds and has not written"`
		Bytes      int64    `json:"bytes"`
		MaxBytes   int64    `json:"max_bytes"`
		PendingObs float64  `json:"pending_observations" doc:"Waiting for their commit"`
		NewestAge  *float64 `json:"newest_age_seconds" doc:"Age of the newest observation that was judged; null before the first"`
	} `json:"journal"`
	Stores []storeView `json:"stores" nullable:"false"`
	Ingest struct {
		ObservationsPerSecond float64        `json:"observations_per_second" doc:"Of the last minute"`
		MessagesPerSecond     float64        `json:"messages_per_second"`
		Observations          float64        `json:"observations" doc:"Since the server began"`
		Duplicates            float64        `json:"duplicates"`
		Rejected              []rejectedView `json:"rejected" nullable:"false" doc:"That went to quarantine, by reason; those that never happened are left out"`
		Lost                  []rejectedView `json:"lost" nullable:"false" doc:"Messages and observations that were lost, by reason"`
	} `json:"ingest"`
	Broker struct {
		Address     string `json:"address"`
		Embedded    bool   `json:"embedded"`
		Healthy     bool   `json:"healthy"`
		Error       string `json:"error"`
		Connections int64  `json:"connections" doc:"-1 when nobody knows"`
	} `json:"broker"`
	Live struct {
		Viewers        float64 `json:"viewers"`
		BytesPerSecond float64 `json:"bytes_per_second"`
	} `json:"live"`
	Disk struct {
		Path string `json:"path"`
		Free int64  `json:"free"`
		Size int64  `json:"size"`
	} `json:"disk"`
	Process struct {
		MemoryBytes float64 `json:"memory_bytes"`
		CPUShare    float64 `json:"cpu_share" doc:"Of one processor, in the last minute"`
		Goroutines  float64 `json:"goroutines"`
		Processors  int     `json:"processors"`
	} `json:"process"`
	Backups struct {
		Supported bool     `json:"supported" doc:"Backups are made by this server"`
		Last      []Backup `json:"last" nullable:"false"`
	} `json:"backups"`
	Warnings []Warning `json:"warnings" nullable:"false" doc:"The newest lines of the log from Warn on, the newest first"`
}

type systemOutput struct{ Body systemView }

func (s *Server) systemOperations(api huma.API) {
	op := operation("get-system", "/system", "status", "State of the system itself", "For people: how it does, how full it is and what it complains of. Monitoring reads /metrics.")
	op.Errors = append(op.Errors, http.StatusNotImplemented)
	huma.Register(api, op, s.systemState)
}

func (s *Server) systemState(ctx context.Context, _ *struct{}) (*systemOutput, error) {
	system := s.deps.Settings.System
	if system == nil {
		return nil, huma.Error501NotImplemented("the state of the system is not told here")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	probe, err := system.Probe(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	stages, err := s.deps.Progress(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	r, err := system.Sampler.reading()
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	checks, ready := s.check(ctx)
	v := systemView{Version: s.opts.Version, Go: runtime.Version(), StartedAt: s.started.UTC(), Now: s.deps.Now().UTC(), Demo: s.opts.Demo, Ready: ready, Stages: stages, Warnings: []Warning{}}
	v.UptimeSeconds = v.Now.Sub(v.StartedAt).Seconds()
	v.surroundings(&probe, stages, checks)
	v.measured(&r)
	if system.Warnings != nil {
		v.Warnings = append(v.Warnings, system.Warnings()...)
	}
	return &systemOutput{Body: v}, nil
}

// surroundings fills in what the probe found.
func (v *systemView) surroundings(p *Probe, stages Progress, checks map[string]checkView) {
	if p.JournalLast >= p.JournalFirst && p.JournalLast > 0 {
		v.Journal.Entries = p.JournalLast - p.JournalFirst + 1
	}
	v.Journal.Unrecorded, v.Journal.Unjudged = behind(stages.JournalSeq, stages.RecordedSeq), behind(stages.JournalSeq, stages.JudgedSeq)
	v.Journal.Bytes, v.Journal.MaxBytes = p.JournalBytes, p.JournalMaxBytes
	v.Stores = []storeView{}
	for _, st := range append([]StoreProbe{{Name: "journal", URL: "", Bytes: p.JournalBytes}}, p.Stores...) {
		c := checks[st.Name]
		v.Stores = append(v.Stores, storeView{Name: st.Name, URL: st.URL, Healthy: c.OK, Error: c.Error, Bytes: st.Bytes})
	}
	v.Broker.Address, v.Broker.Embedded, v.Broker.Connections = p.Broker, p.BrokerEmbedded, p.Connections
	v.Broker.Healthy, v.Broker.Error = checks["ingest"].OK, checks["ingest"].Error
	v.Disk.Path, v.Disk.Free, v.Disk.Size = p.DiskPath, p.DiskFree, p.DiskSize
	v.Backups.Supported, v.Backups.Last = p.BackupsSupported, append([]Backup{}, p.Backups...)
}

func behind(last, at uint64) uint64 {
	if at >= last {
		return 0
	}
	return last - at
}

// measured fills in what the metrics say.
func (v *systemView) measured(r *reading) {
	v.Journal.LagSeconds, v.Journal.PendingObs = r.sum("urbangrid_store_lag_seconds"), r.sum("urbangrid_ingest_pending_observations")
	if newest := r.sum("urbangrid_analytics_newest_observation_timestamp_seconds"); newest > 0 {
		age := v.Now.Sub(time.UnixMicro(int64(newest * 1e6))).Seconds()
		v.Journal.NewestAge = &age
	}
	v.Ingest.ObservationsPerSecond = r.perSecond("urbangrid_ingest_observations_total")
	v.Ingest.MessagesPerSecond = r.perSecond("urbangrid_ingest_messages_total")
	v.Ingest.Observations = r.sum("urbangrid_ingest_observations_total")
	v.Ingest.Duplicates = r.sum("urbangrid_ingest_observations_duplicate_total")
	v.Ingest.Rejected = byReason(r, "urbangrid_ingest_observations_rejected_total")
	v.Ingest.Lost = byReason(r, "urbangrid_ingest_messages_dropped_total", "urbangrid_store_observations_dropped_total")
	v.Live.Viewers, v.Live.BytesPerSecond = r.sum("urbangrid_dashboard_live_connections"), r.perSecond("urbangrid_dashboard_live_sent_bytes_total")
	v.Process.MemoryBytes, v.Process.Goroutines = r.sum("process_resident_memory_bytes"), r.sum("go_goroutines")
	v.Process.CPUShare, v.Process.Processors = r.perSecond("process_cpu_seconds_total"), runtime.GOMAXPROCS(0)
}

// byReason lists what counters with reasons have counted, most first.
func byReason(r *reading, names ...string) []rejectedView {
	out := []rejectedView{}
	for _, name := range names {
		values := r.labels(name)
		for _, reason := range slices.Sorted(maps.Keys(values)) {
			if values[reason] > 0 {
				out = append(out, rejectedView{Reason: reason, Total: values[reason], Lately: r.lately(name, reason)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b rejectedView) int {
		if a.Total != b.Total {
			if a.Total > b.Total {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return out
}
