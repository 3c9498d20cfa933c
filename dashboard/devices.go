package dashboard

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

type pointView struct {
	Lat float64 `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon float64 `json:"lon" doc:"Longitude in degrees, WGS 84"`
}

type placeView struct {
	Lat   float64 `json:"lat" minimum:"-90" maximum:"90" doc:"Latitude in degrees in the named datum"`
	Lon   float64 `json:"lon" minimum:"-180" maximum:"180" doc:"Longitude in degrees in the named datum"`
	Datum string  `json:"datum,omitempty" enum:"wgs84,gcj02,bd09" default:"wgs84" doc:"Geodetic datum of lat and lon"`
}

type deviceView struct {
	ID       sensors.DeviceID `json:"id" example:"noise-0012"`
	Name     string           `json:"name"`
	Place    *placeView       `json:"place,omitempty" doc:"Registered place as it was stated; left out when it moves or none is known"`
	WGS84    *pointView       `json:"wgs84,omitempty" doc:"The registered place in WGS 84"`
	Cell     string           `json:"cell" doc:"H3 index of resolution 10 of the registered place, empty for none"`
	Auto     bool             `json:"auto" doc:"Entered by itself on its first observation, not by a person"`
	LastSeen *time.Time       `json:"last_seen" doc:"When its newest observation was received; null when it never spoke"`
}

type deviceOutput struct{ Body deviceView }

type devicesOutput struct {
	Body struct {
		Devices []deviceView     `json:"devices" nullable:"false"`
		Next    sensors.DeviceID `json:"next" doc:"Give this as after for the next page; empty after the last"`
	}
}

type devicesInput struct {
	After string `query:"after" doc:"List the devices after this id"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type deviceInput struct {
	ID string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
}

type putDeviceInput struct {
	ID   string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
	Body struct {
		Name  string     `json:"name,omitempty" maxLength:"200"`
		Place *placeView `json:"place,omitempty" required:"false" doc:"Left out for a device that moves"`
	}
}

func (s *Server) deviceOperations(api huma.API) {
	const tag = "devices"
	huma.Register(api, operation("list-devices", "/devices", tag, "Devices", "The register in the order of ids, by pages."), s.listDevices)
	one := operation("get-device", "/devices/{id}", tag, "One device", "")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.getDevice)
	put := operation("put-device", "/devices/{id}", tag, "Enter or replace a device",
		"States the name and the place that observations without a position are given. What was observed before stays where it is.")
	put.Method, put.MaxBodyBytes = http.MethodPut, 16<<10
	put.Errors = append(put.Errors, http.StatusForbidden, http.StatusRequestEntityTooLarge)
	huma.Register(api, put, s.putDevice)
}

func (s *Server) listDevices(ctx context.Context, in *devicesInput) (*devicesOutput, error) {
	found, err := s.deps.Devices.ListDevices(ctx, sensors.DeviceID(in.After), in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &devicesOutput{}
	out.Body.Devices = make([]deviceView, len(found))
	for i, d := range found {
		out.Body.Devices[i] = viewDevice(d)
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

func (s *Server) getDevice(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
	d, err := s.deps.Devices.Device(ctx, sensors.DeviceID(in.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &deviceOutput{Body: viewDevice(d)}, nil
}

func (s *Server) putDevice(ctx context.Context, in *putDeviceInput) (*deviceOutput, error) {
	if !sensors.ValidDeviceID(in.ID) {
		return nil, huma.Error422UnprocessableEntity("invalid device id", &huma.ErrorDetail{
			Message: "an id has 1 to 128 bytes without '/', '+', '#' and control characters", Location: "path.id", Value: in.ID,
		})
	}
	d := sensors.Device{ID: sensors.DeviceID(in.ID), Name: in.Body.Name}
	if p := in.Body.Place; p != nil {
		datum := sensors.WGS84
		if p.Datum != "" {
			var err error
			if datum, err = sensors.ParseDatum(p.Datum); err != nil {
				return nil, huma.Error422UnprocessableEntity(err.Error())
			}
		}
		d.Position = sensors.Position{LatDegrees: p.Lat, LonDegrees: p.Lon, Datum: datum}
	}
	if err := s.deps.Devices.PutDevice(ctx, d); err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.getDevice(ctx, &deviceInput{ID: in.ID})
}

func viewDevice(d sensors.Device) deviceView {
	v := deviceView{ID: d.ID, Name: d.Name, Auto: d.Auto, LastSeen: orNull(d.LastSeen)}
	if d.Position.Known() {
		v.Place = viewPlace(d.Position)
		p := grid.ToWGS84(d.Position)
		v.WGS84 = &pointView{Lat: p.LatDegrees, Lon: p.LonDegrees}
		// A place that is not on Earth has no cell.
		if c, err := grid.CellAt(p, grid.Resolution); err == nil {
			v.Cell = c.String()
		}
	}
	return v
}

func viewPlace(p sensors.Position) *placeView {
	return &placeView{Lat: p.LatDegrees, Lon: p.LonDegrees, Datum: p.Datum.String()}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
