package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// AreaNaming says where a GeoJSON that was not made for UrbanGrid keeps what areas
// need.
type AreaNaming struct {
	Datum  string `query:"datum" enum:"wgs84,gcj02,bd09," doc:"Datum of the coordinates; left out means what the file says itself, WGS 84 when it says nothing"`
	Code   string `query:"code_property" maxLength:"100" doc:"Property with the code; left out means code" example:"网格编码"`
	Name   string `query:"name_property" maxLength:"100" doc:"Property with the name; left out means name"`
	NameEN string `query:"name_en_property" maxLength:"100" doc:"Property with the English name; left out means name_en"`
	Parent string `query:"parent_property" maxLength:"100" doc:"Property with the code of the area it is a part of; left out means parent"`
}

// readAreas reads a GeoJSON by that naming.
func (n *AreaNaming) readAreas(text []byte) (*grid.Areas, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("this is no JSON: %w", err)
	}
	if n.Datum != "" {
		file["datum"] = json.RawMessage(`"` + n.Datum + `"`)
	}
	if n.Code != "" || n.Name != "" || n.NameEN != "" || n.Parent != "" {
		features, err := n.renamed(file["features"])
		if err != nil {
			return nil, err
		}
		file["features"] = features
	}
	for _, name := range [...]string{"district", "note"} {
		if member, there := file[name]; there && json.Unmarshal(member, new(sensors.Names)) != nil {
			delete(file, name) // somebody else's, in another form
		}
	}
	merged, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	return grid.ReadAreas(bytes.NewReader(merged))
}

// renamed gives features the properties that areas have.
func (n *AreaNaming) renamed(raw json.RawMessage) (json.RawMessage, error) {
	var features []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &features); err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	for i, f := range features {
		var properties map[string]any
		dec := json.NewDecoder(bytes.NewReader(f["properties"]))
		dec.UseNumber() // codes are often numbers, and longer than a float can hold
		if err := dec.Decode(&properties); err != nil {
			return nil, fmt.Errorf("feature %d has no properties: %w", i+1, err)
		}
		out := map[string]string{}
		for to, from := range map[string]string{"code": n.Code, "name": n.Name, "name_en": n.NameEN, "parent": n.Parent} {
			if from == "" {
				from = to
			}
			if v, there := properties[from]; there && v != nil {
				out[to] = fmt.Sprint(v)
			}
		}
		b, err := json.Marshal(out)
		if err != nil {
			return nil, err
		}
		features[i]["properties"] = b
	}
	return json.Marshal(features)
}

// unreadable are the faults of a text that is no set of areas.
func unreadable(err error) []areaFindingView {
	var findings []areaFindingView
	for _, fault := range leaves(err) {
		findings = append(findings, areaFindingView{Matter: "unreadable", Fault: true, Message: fault.Error()})
	}
	return findings
}

// leaves are the errors that an error joins, each with what was said before it.
func leaves(err error) []error {
	if joined, many := err.(interface{ Unwrap() []error }); many {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	inner := errors.Unwrap(err)
	if inner == nil {
		return []error{err}
	}
	before, wraps := strings.CutSuffix(err.Error(), inner.Error())
	parts := leaves(inner)
	if !wraps || len(parts) == 1 {
		return []error{err}
	}
	for i, e := range parts {
		parts[i] = errors.New(before + e.Error())
	}
	return parts
}
