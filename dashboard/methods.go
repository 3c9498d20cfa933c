package dashboard

import (
	"net/http"
	"strings"
)

// apiMethods are the methods that operations have.
var apiMethods = [...]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// noOperation answers what no operation takes: with 405 and the methods that the
// path has when it has others, else with 404. lookUp finds the pattern under which
// a request is served, as [http.ServeMux.Handler] does, "" for none.
func noOperation(lookUp func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range apiMethods {
			asked := r.Clone(r.Context())
			asked.Method = method
			if lookUp(asked) == "" {
				continue
			}
			if allowed = append(allowed, method); method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
		if len(allowed) == 0 {
			writeProblem(w, http.StatusNotFound, "no such resource: "+root+"/openapi.json lists all")
			return
		}
		methods := strings.Join(allowed, ", ")
		w.Header().Set("Allow", methods)
		writeProblem(w, http.StatusMethodNotAllowed, "this resource has no "+cut(r.Method, 20)+"; it has "+methods)
	})
}

// operationPattern returns the pattern of one of the muxes that serves a request as
// an operation: one that names a method. It returns "" when none does.
func operationPattern(muxes ...*http.ServeMux) func(*http.Request) string {
	return func(r *http.Request) string {
		for _, mux := range muxes {
			if _, pattern := mux.Handler(r); strings.HasPrefix(pattern, r.Method+" "+root) {
				return pattern
			}
		}
		return ""
	}
}
