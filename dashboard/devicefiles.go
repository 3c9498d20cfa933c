package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store/devicefile"
)

// Files of devices are long: they have limits of their own.
const (
	importPath     = "/devices/import"
	maxImportBytes = 128 << 20
	importTimeout  = 5 * time.Minute
	// maxFaults bounds the faults of one answer; their number is always told.
	maxFaults = 10_000
)

type importInput struct {
	ContentType string `header:"Content-Type"`
	DryRun      bool   `query:"dry_run" doc:"Read and check, but enter nothing"`
	Partial     bool   `query:"partial" doc:"Enter the good rows although others are bad"`
	Datum       string `query:"datum" enum:"wgs84,gcj02,bd09" default:"wgs84" doc:"Of places that name none"`
	By          Person `query:"by" maxLength:"100" doc:"Who imports; it is kept with the changes"`
	RawBody     []byte `contentType:"text/csv"`
}

type importOutput struct {
	Body struct {
		Rows        int                `json:"rows" doc:"Good rows"`
		Imported    int                `json:"imported" doc:"Devices that were entered or replaced"`
		DryRun      bool               `json:"dry_run"`
		FaultCount  int                `json:"fault_count"`
		Faults      []devicefile.Fault `json:"faults" nullable:"false" doc:"Of a partial import: what is wrong with the other rows, the first 10,000"`
		Ignored     []string           `json:"ignored" nullable:"false" doc:"Columns that mean nothing here"`
		TookSeconds float64            `json:"took_seconds"`
	}
}

type exportInput struct {
	Lang string `query:"lang" enum:"en,zh" default:"en" doc:"Language of the header of CSV"`
}

func (s *Server) deviceFileOperations(api huma.API) {
	const tag = "devices"
	in := operation("import-devices", importPath, tag, "Import devices",
		"Enters or replaces the devices of a CSV file (text/csv) or a GeoJSON FeatureCollection (application/geo+json). Nothing is entered "+
			"unless every row is good: otherwise the answer is 422, with every fault of every row.")
	in.Method, in.MaxBodyBytes, in.BodyReadTimeout = http.MethodPost, maxImportBytes, importTimeout
	in.Errors = append(in.Errors, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	huma.Register(api, in, s.importDevices)
	body := api.OpenAPI().Paths[root+importPath].Post.RequestBody
	body.Content["application/geo+json"] = body.Content["text/csv"]

	csv := operation("export-devices-csv", "/devices.csv", tag, "All devices as CSV", "The register as import-devices reads it.")
	csv.Responses = fileResponse("text/csv; charset=utf-8")
	huma.Register(api, csv, func(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
		return s.export(ctx, "text/csv; charset=utf-8", "devices.csv", func(w io.Writer) (deviceWriter, error) {
			return devicefile.NewCSVWriter(w, in.Lang)
		})
	})
	geo := operation("export-devices-geojson", "/devices.geojson", tag, "All devices as GeoJSON", "The register as import-devices reads it.")
	geo.Responses = fileResponse("application/geo+json")
	huma.Register(api, geo, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		return s.export(ctx, "application/geo+json", "devices.geojson", func(w io.Writer) (deviceWriter, error) {
			return devicefile.NewGeoJSONWriter(w)
		})
	})
}

func fileResponse(contentType string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "The file",
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

func (s *Server) importDevices(ctx context.Context, in *importInput) (*importOutput, error) {
	began := s.deps.Now()
	datum, err := sensors.ParseDatum(in.Datum)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	file, err := readDevices(in, devicefile.Options{Datum: datum, Catalog: s.deps.Kinds})
	if err != nil {
		return nil, err
	}
	if len(file.Faults) > 0 && (!in.Partial || len(file.Rows) == 0) {
		return nil, importProblem(file.Faults)
	}
	out := &importOutput{}
	b := &out.Body
	b.Rows, b.DryRun, b.FaultCount = len(file.Rows), in.DryRun, len(file.Faults)
	b.Faults = append([]devicefile.Fault{}, file.Faults[:min(len(file.Faults), maxFaults)]...)
	b.Ignored = append([]string{}, file.Ignored...)
	if !in.DryRun {
		if err := s.deps.Devices.PutDevices(ctx, string(in.By), file.Devices()); err != nil {
			return nil, s.problem(ctx, err)
		}
		s.directory.touch()
		b.Imported = len(file.Rows)
	}
	b.TookSeconds = s.deps.Now().Sub(began).Seconds()
	return out, nil
}

func readDevices(in *importInput, opts devicefile.Options) (*devicefile.File, error) {
	contentType, _, err := mime.ParseMediaType(in.ContentType)
	if err != nil {
		contentType = in.ContentType
	}
	read := devicefile.ReadCSV
	switch contentType {
	case "text/csv":
	case geoJSON, "application/json":
		read = devicefile.ReadGeoJSON
	default:
		return nil, huma.Error415UnsupportedMediaType(fmt.Sprintf("content type %q is neither text/csv nor %s", in.ContentType, geoJSON))
	}
	file, err := read(bytes.NewReader(in.RawBody), opts)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return file, nil
}

func importProblem(faults []devicefile.Fault) error {
	details := make([]error, min(len(faults), maxFaults))
	for i, f := range faults[:len(details)] {
		details[i] = &huma.ErrorDetail{Message: f.Detail, Location: fmt.Sprintf("row %d, column %s", f.Row, f.Column), Value: f}
	}
	return huma.Error422UnprocessableEntity(fmt.Sprintf("nothing was imported: the file has %d faults", len(faults)), details...)
}

// deviceWriter writes devices in one of the forms of a file.
type deviceWriter interface {
	Write(d sensors.Device) error
	Close() error
}

// export answers with the whole register. Its first page is read before the
// answer begins, so that a store that is away is told as such.
func (s *Server) export(ctx context.Context, contentType, name string, open func(io.Writer) (deviceWriter, error)) (*huma.StreamResponse, error) {
	page, err := s.deps.Devices.ListDevices(ctx, "", filterPage)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", contentType)
		hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		if err := s.writeDevices(hc.Context(), hc.BodyWriter(), page, open); err != nil {
			s.log.Warn("export of devices was cut off", "error", err)
			// Half a file must not look whole: the connection breaks instead.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Server) writeDevices(ctx context.Context, to io.Writer, page []sensors.Device, open func(io.Writer) (deviceWriter, error)) error {
	w, err := open(to)
	if err != nil {
		return err
	}
	for {
		for _, d := range page {
			if err := w.Write(d); err != nil {
				return err
			}
		}
		if len(page) < filterPage {
			return w.Close()
		}
		if page, err = s.deps.Devices.ListDevices(ctx, page[len(page)-1].ID, filterPage); err != nil {
			return err
		}
	}
}
