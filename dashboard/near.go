package dashboard

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

const (
	// nearLimit is how many devices of a map are told; who needs more looks closer.
	nearLimit = 2000
	// nearFresh is how old the list that maps are answered from may be: maps move
	// often, and devices do not.
	nearFresh = 15 * time.Second
	nearPage  = 1000
)

type nearInput struct {
	BBox []float64 `query:"bbox" required:"true" nullable:"false" minItems:"4" maxItems:"4" doc:"West, south, east and north in degrees WGS 84" example:"[121.35,31.22,121.46,31.29]"`
}

type nearView struct {
	ID     sensors.DeviceID `json:"id"`
	Name   string           `json:"name"`
	Lat    float64          `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon    float64          `json:"lon" doc:"Longitude in degrees, WGS 84"`
	Camera bool             `json:"camera" doc:"It watches, as its profile, id or tags say"`
	State  sensors.State    `json:"state" enum:"online,offline,silent"`
}

type nearOutput struct {
	Body struct {
		Devices   []nearView `json:"devices" nullable:"false" doc:"At most 2,000, in the order of their ids"`
		Truncated bool       `json:"truncated" doc:"There are more than told"`
	}
}

// nearDevices is the list of placed devices that maps are answered from. The
// zero nearDevices is empty and old; it is safe for concurrent use.
type nearDevices struct {
	mu   sync.Mutex // held while the list is read: who comes meanwhile waits for it
	at   time.Time
	list []nearView
}

func (s *Server) nearOperations(api huma.API) {
	op := operation("list-devices-near", "/devices/near", "devices", "Devices of a part of the map",
		"Devices with a registered place within a box, with what a map shows of them; up to 15 seconds old.")
	op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	huma.Register(api, op, s.devicesNear)
}

func (s *Server) devicesNear(ctx context.Context, in *nearInput) (*nearOutput, error) {
	list, err := s.placedDevices(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &nearOutput{}
	out.Body.Devices = []nearView{}
	west, south, east, north := in.BBox[0], in.BBox[1], in.BBox[2], in.BBox[3]
	for i := range list {
		d := &list[i]
		if d.Lon < west || d.Lon > east || d.Lat < south || d.Lat > north {
			continue
		}
		if len(out.Body.Devices) == nearLimit {
			out.Body.Truncated = true
			break
		}
		out.Body.Devices = append(out.Body.Devices, *d)
	}
	return out, nil
}

// placedDevices returns the devices with a place. The caller may not change it.
func (s *Server) placedDevices(ctx context.Context) ([]nearView, error) {
	s.near.mu.Lock()
	defer s.near.mu.Unlock()
	now := s.deps.Now()
	if age := now.Sub(s.near.at); age >= 0 && age < nearFresh {
		return s.near.list, nil
	}
	var list []nearView
	after := sensors.DeviceID("")
	for {
		page, err := s.deps.Devices.ListDevices(ctx, after, nearPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Position.Known() {
				list = append(list, s.viewNear(&page[i], now))
			}
		}
		if len(page) < nearPage {
			break
		}
		after = page[len(page)-1].ID
	}
	s.near.at, s.near.list = now, list
	return list, nil
}

func (s *Server) viewNear(d *sensors.Device, now time.Time) nearView {
	p := grid.ToWGS84(d.Position)
	state, _ := d.State(now, s.deps.Kinds)
	return nearView{ID: d.ID, Name: d.Name, Lat: p.LatDegrees, Lon: p.LonDegrees, Camera: watches(d), State: state}
}

// cameraWords name devices that see, in the keys of profiles and in tags.
var cameraWords = [...]string{"camera", "onvif", "frigate", "video", "摄像", "视频"}

func watches(d *sensors.Device) bool {
	for _, text := range append([]string{d.Profile, string(d.ID)}, d.Tags...) {
		text = strings.ToLower(text)
		for _, word := range cameraWords {
			if strings.Contains(text, word) {
				return true
			}
		}
	}
	return false
}
