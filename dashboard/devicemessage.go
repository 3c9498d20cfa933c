package dashboard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// LastMessages answers what devices said last; store.LastMessages says how.
type LastMessages interface {
	LastMessage(ctx context.Context, id sensors.DeviceID) (store.LastMessage, error)
}

type messageView struct {
	Device   sensors.DeviceID `json:"device"`
	Topic    string           `json:"topic" doc:"MQTT topic"`
	QoS      *int8            `json:"qos" doc:"0 to 2; null when nobody knows any more"`
	Received time.Time        `json:"received"`
	Format   string           `json:"format" doc:"Name of the format that read it" example:"native"`
	Size     int              `json:"size" doc:"Bytes of the payload"`
	Payload  []byte           `json:"payload" doc:"Its first 16,384 bytes in base64; null when it is private"`
	Private  bool             `json:"private" doc:"It may hold personal data and is not kept as it came"`

	Observations []messageObservationView `json:"observations" nullable:"false" doc:"What was taken in of the device, the first 32"`
	Observed     int                      `json:"observed" doc:"How many observations of the device it has"`
	Faults       []store.MessageFault     `json:"faults" nullable:"false" doc:"What was refused, the first 16"`
	Refused      int                      `json:"refused" doc:"How many parts were refused"`
}

type messageObservationView struct {
	ObservationView
	Unit string `json:"unit" doc:"UCUM code of the value"`
}

type messagesOutput struct {
	Body struct {
		Messages []messageView `json:"messages" nullable:"false" doc:"Newest first; only the newest is kept"`
	}
}

type locateInput struct {
	Lat   float64 `query:"lat" required:"true" minimum:"-90" maximum:"90" doc:"Latitude in degrees in the datum"`
	Lon   float64 `query:"lon" required:"true" minimum:"-180" maximum:"180" doc:"Longitude in degrees in the datum"`
	Datum string  `query:"datum" enum:"wgs84,gcj02,bd09" default:"wgs84"`
}

type locateOutput struct {
	Body struct {
		WGS84 pointView     `json:"wgs84"`
		Cell  string        `json:"cell" doc:"H3 index of resolution 10"`
		Area  grid.AreaCode `json:"area" doc:"Code of the responsibility area, empty outside every area"`
	}
}

type changesInput struct {
	ID     string `path:"id"`
	Before int64  `query:"before" minimum:"0" doc:"List the changes before this number"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type changeView struct {
	Number  int64              `json:"number"`
	Version int64              `json:"version" doc:"Of the device after it"`
	At      time.Time          `json:"at"`
	By      string             `json:"by" doc:"Who did it, empty when nobody said"`
	Action  store.DeviceAction `json:"action" enum:"entered,adopted,changed,password_issued,password_revoked,message_reread"`
	Fields  []string           `json:"fields" nullable:"false" doc:"What is different since"`
}

type changesOutput struct {
	Body struct {
		Changes []changeView `json:"changes" nullable:"false" doc:"Newest first"`
		Next    int64        `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

func (s *Server) deviceHistoryOperations(api huma.API) {
	const tag = "devices"
	message := operation("list-device-messages", "/devices/{id}/messages", tag, "What a device said last",
		"Its newest message as it came and as it was understood. It is there for devices that nobody entered, too.")
	message.Errors = append(message.Errors, http.StatusNotImplemented)
	huma.Register(api, message, s.lastMessage)
	huma.Register(api, operation("list-device-changes", "/devices/{id}/changes", tag, "Who changed what of a device", ""), s.deviceChanges)
}

func (s *Server) lastMessage(ctx context.Context, in *deviceInput) (*messagesOutput, error) {
	if s.deps.LastMessages == nil {
		return nil, huma.Error501NotImplemented("messages are not kept here")
	}
	m, err := s.deps.LastMessages.LastMessage(ctx, sensors.DeviceID(in.ID))
	out := &messagesOutput{}
	out.Body.Messages = []messageView{}
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out.Body.Messages = append(out.Body.Messages, s.viewMessage(&m))
	return out, nil
}

func (s *Server) viewMessage(m *store.LastMessage) messageView {
	v := messageView{
		Device: m.Device, Topic: m.Topic, Received: m.Received.UTC(), Format: m.Format, Size: m.Size, Private: m.Private,
		Observations: make([]messageObservationView, len(m.Observations)), Observed: m.Observed,
		Faults: append([]store.MessageFault{}, m.Faults...), Refused: m.Refused,
	}
	if m.QoS >= 0 {
		v.QoS = &m.QoS
	}
	if !m.Private {
		v.Payload = append([]byte{}, m.Payload...)
	}
	for i := range m.Observations {
		o := &m.Observations[i]
		k, _ := s.deps.Kinds.Kind(o.Kind) // what was taken in is in the catalogue
		v.Observations[i] = messageObservationView{ObservationView: viewObservation(o), Unit: k.Unit}
	}
	return v
}

func (s *Server) locate(_ context.Context, in *locateInput) (*locateOutput, error) {
	datum, err := sensors.ParseDatum(in.Datum)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	at := s.placeOf(sensors.Position{LatDegrees: in.Lat, LonDegrees: in.Lon, Datum: datum})
	if at.cell == "" {
		return nil, huma.Error404NotFound("no cell is there")
	}
	out := &locateOutput{}
	out.Body.WGS84 = pointView{Lat: at.wgs84.LatDegrees, Lon: at.wgs84.LonDegrees}
	out.Body.Cell, out.Body.Area = at.cell, at.area
	return out, nil
}

func (s *Server) deviceChanges(ctx context.Context, in *changesInput) (*changesOutput, error) {
	found, err := s.deps.Devices.DeviceChanges(ctx, sensors.DeviceID(in.ID), in.Before, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &changesOutput{}
	out.Body.Changes = make([]changeView, len(found))
	for i, c := range found {
		out.Body.Changes[i] = changeView{Number: c.Number, Version: c.Version, At: c.At.UTC(), By: c.By, Action: c.Action, Fields: append([]string{}, c.Fields...)}
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].Number
	}
	return out, nil
}
