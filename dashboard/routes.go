package dashboard

import (
	"context"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	maxBodyBytes   = 1 << 20
	requestTimeout = 30 * time.Second
)

// policy is the Content-Security-Policy of every answer: nothing comes from
// another host and no script or style is inline.
const policy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (s *Server) routes() (http.Handler, error) {
	inner := http.NewServeMux()
	if err := s.operations(inner); err != nil {
		return nil, err
	}
	inner.HandleFunc("GET /healthz", healthz)
	inner.HandleFunc("GET /readyz", s.readyz)
	inner.Handle("GET /metrics", promhttp.HandlerFor(s.deps.Gatherer, promhttp.HandlerOpts{DisableCompression: true}))
	outer := http.NewServeMux()
	inner.Handle("/api/", noOperation(operationPattern(outer, inner)))
	inner.Handle("/", pages(s.opts.Assets))

	zip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(3))
	if err != nil {
		return nil, err
	}
	// The live view takes the connection over, so nothing may wrap its writer.
	outer.Handle("GET "+root+"/live", s.hub)
	outer.Handle("/", s.watched(zip(bounded(negotiated(inner)))))

	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "a page of another site may not change anything here")
	}))
	return s.patience.of(s.guarded(foreign.Handler(outer))), nil
}

// bounded limits the body and the time of a request.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, root) {
			w.Header().Set("Cache-Control", "no-store")
		}
		limit, timeout := int64(maxBodyBytes), requestTimeout
		switch r.URL.Path {
		case root + importPath:
			limit, timeout = maxImportBytes, importTimeout
		case root + areaSettingPath, root + areaCheckPath:
			limit, timeout = maxAreaBytes, importTimeout
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// guarded sets the headers that keep browsers safe and refuses unknown hosts.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if !s.knownHost(r.Host) {
			writeProblem(w, http.StatusMisdirectedRequest, "this server does not answer under the name of the request; add it to the allowed hosts")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knownHost reports whether the Host of a request may be this server. An address
// always may: no foreign page can have one as its origin and point it here.
func (s *Server) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil {
		return true
	}
	return slices.ContainsFunc(s.opts.Hosts, func(allowed string) bool {
		return allowed == "*" || strings.EqualFold(allowed, host)
	})
}

// watched measures requests and writes a line for each when debugging.
func (s *Server) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		took := time.Since(began)
		s.requests.WithLabelValues(classes[min(max(sw.status/100, 1), 5)-1]).Observe(took.Seconds())
		s.log.Debug("request answered", "method", r.Method, "path", r.URL.Path, "status", sw.status,
			"took_seconds", took.Seconds(), "remote", r.RemoteAddr)
	})
}

// classes are the label values of the request metric.
var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

func newRequestMetric(reg prometheus.Registerer) (*prometheus.HistogramVec, error) {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "urbangrid_dashboard_request_duration_seconds",
		Help:    "How long HTTP requests took to answer, by class of status; live connections are not among them.",
		Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30},
	}, []string{"class"})
	for _, c := range classes {
		h.WithLabelValues(c)
	}
	return h, reg.Register(h)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// prefers reports whether the request asks for mediaType by name, and rather
// than for JSON.
func prefers(r *http.Request, mediaType string) bool {
	quality := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		t, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue // what cannot be read asks for nothing
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			q = 1
		}
		quality[t] = q
	}
	return quality[mediaType] > quality["application/json"]
}
