package basemap

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxTextRunes bounds names, titles and attributions.
const maxTextRunes = 100

// maxStrokePixels bounds the width of a line.
const maxStrokePixels = 20

// look is how a feature is named and drawn, in members of GeoJSON properties:
// those of simplestyle 1.1 that are valid, the others left out.
type look struct {
	Name          string   `json:"name,omitempty"` // in Chinese, if there is such
	NameEN        string   `json:"name_en,omitempty"`
	Stroke        string   `json:"stroke,omitempty"` // #rrggbb
	StrokeWidth   *float64 `json:"stroke-width,omitempty"`
	StrokeOpacity *float64 `json:"stroke-opacity,omitempty"`
	Fill          string   `json:"fill,omitempty"`
	FillOpacity   *float64 `json:"fill-opacity,omitempty"`
	MarkerColor   string   `json:"marker-color,omitempty"`
	MarkerSize    string   `json:"marker-size,omitempty"` // small, medium, large
	// Label is where the name of an area is written.
	Label *[2]float64 `json:"label,omitempty"`
}

// lookOf reads properties. What is no object has neither name nor style.
func lookOf(raw json.RawMessage) look {
	var p struct {
		Name   any `json:"name"`
		NameZH any `json:"name:zh"`
		ZH     any `json:"name_zh"`
		Hanzi  any `json:"名称"`
		NameEN any `json:"name:en"`
		EN     any `json:"name_en"`
		Title  any `json:"title"`

		Stroke        any `json:"stroke"`
		StrokeWidth   any `json:"stroke-width"`
		StrokeOpacity any `json:"stroke-opacity"`
		Fill          any `json:"fill"`
		FillOpacity   any `json:"fill-opacity"`
		MarkerColor   any `json:"marker-color"`
		MarkerSize    any `json:"marker-size"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &p) != nil {
		return look{}
	}
	zh := firstOf(plain(p.NameZH), plain(p.ZH), plain(p.Hanzi))
	en := firstOf(plain(p.NameEN), plain(p.EN))
	either := firstOf(plain(p.Name), plain(p.Title))
	l := look{
		Name: firstOf(zh, either, en), NameEN: firstOf(en, either, zh),
		Stroke: color(p.Stroke), StrokeWidth: number(p.StrokeWidth, maxStrokePixels), StrokeOpacity: number(p.StrokeOpacity, 1),
		Fill: color(p.Fill), FillOpacity: number(p.FillOpacity, 1), MarkerColor: color(p.MarkerColor),
	}
	if size, ok := p.MarkerSize.(string); ok && slices.Contains([]string{"small", "medium", "large"}, size) {
		l.MarkerSize = size
	}
	if l.NameEN == l.Name {
		l.NameEN = ""
	}
	return l
}

// plain is a text or number on one line, cut at maxTextRunes; "" of anything else.
func plain(v any) string {
	switch v.(type) {
	case string, float64:
	default:
		return ""
	}
	text := strings.Join(strings.FieldsFunc(fmt.Sprint(v), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > maxTextRunes {
		text = string(runes[:maxTextRunes-1]) + "…"
	}
	return text
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// color reads #rgb and #rrggbb, with or without the sign; "" of anything else.
func color(v any) string {
	s, _ := v.(string)
	s = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), "#"))
	if len(s) == 3 {
		s = string([]byte{s[0], s[0], s[1], s[1], s[2], s[2]})
	}
	if len(s) != 6 {
		return ""
	}
	if _, err := strconv.ParseUint(s, 16, 32); err != nil {
		return ""
	}
	return "#" + s
}

// number reads a number from 0 to most, which some programs write as a text; nil
// of anything else.
func number(v any, most float64) *float64 {
	n, ok := v.(float64)
	if s, isText := v.(string); isText {
		var err error
		n, err = strconv.ParseFloat(strings.TrimSpace(s), 64)
		ok = err == nil
	}
	if !ok || math.IsNaN(n) || n < 0 || n > most {
		return nil
	}
	return &n
}
