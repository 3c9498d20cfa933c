package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// root is the path under which the API lives.
const root = "/api/v1"

// jsonFormat writes bodies without the HTML escapes that only make them longer.
var jsonFormat = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: json.Unmarshal}

// operations registers the API on mux and serves its OpenAPI document.
func (s *Server) operations(mux *http.ServeMux) error {
	config := huma.DefaultConfig("UrbanGrid", "1.0.0")
	config.Info.Description = "What a district grid centre sees. Times are RFC 3339 in UTC, positions WGS 84 in degrees unless they name " +
		"another datum, units UCUM codes. Errors are problem details (RFC 9457). The live view is a WebSocket at " + root + "/live."
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	// The document is made once below, the page for people would load scripts
	// from other hosts, and bodies carry no $schema.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.Transformers = append(config.Transformers, boundEcho)
	api := humago.New(mux, config)

	s.kindOperations(api)
	s.deviceOperations(api)
	s.deviceFileOperations(api)
	s.credentialOperations(api)
	s.areaOperations(api)
	s.cellOperations(api)
	s.historyOperations(api)
	s.nearOperations(api)
	s.usualOperations(api)
	s.baselineOperations(api)
	s.basemapOperations(api, mux)
	s.seriesOperations(api)
	s.observationOperations(api)
	s.alertOperations(api)
	s.tallyOperations(api)
	s.verdictOperations(api)
	s.muteOperations(api)
	s.quarantineOperations(api)
	s.rereadOperations(api)
	s.reportOperations(api)
	s.statusOperations(api)
	s.settingsOperations(api)

	asJSON, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return err
	}
	asYAML, err := api.OpenAPI().YAML()
	if err != nil {
		return err
	}
	mux.Handle("GET "+root+"/openapi.json", static("application/openapi+json", asJSON))
	mux.Handle("GET "+root+"/openapi.yaml", static("application/openapi+yaml", asYAML))
	return nil
}

func static(contentType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		// A client that has gone is no error of ours.
		_, _ = w.Write(body)
	})
}

// operation describes a GET.
func operation(id, path, tag, summary, description string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: root + path,
		Tags: []string{tag}, Summary: summary, Description: description,
		Errors: []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
}

// retryAfter is when those who were told that a store is unavailable may ask
// again.
const retryAfter = 5 * time.Second

// problem turns an error of a store into what the asker is told. What the asker
// cannot change is logged and told in general words only.
func (s *Server) problem(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrInvalidQuery), errors.Is(err, sensors.ErrInvalidCredential), errors.Is(err, store.ErrInvalidMute),
		errors.Is(err, store.ErrKeyReused):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		s.log.Warn("store did not answer", "error", err)
		return huma.ErrorWithHeaders(
			huma.Error503ServiceUnavailable("the store does not answer at the moment"),
			http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}})
	case ctx.Err() != nil: // the asker has gone
		return huma.NewError(499, "request was given up")
	}
	s.log.Error("request failed", "error", err)
	return huma.Error500InternalServerError("something went wrong; the server's log says what")
}

// writeProblem answers with a problem where huma is not involved.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	b, err := json.Marshal(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil {
		http.Error(w, detail, status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// A client that has gone is no error of ours.
	_, _ = w.Write(b)
}
