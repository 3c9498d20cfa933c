package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// evaluationTables reads the JSON of an evaluation: an object, each array of flat
// objects in which is a table, its fields the columns in the order of the first
// object. Other members are left to those who read the file itself.
func evaluationTables(file []byte) ([]Table, error) {
	dec := json.NewDecoder(bytes.NewReader(file))
	members, err := orderedObject(dec)
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, m := range members {
		rows, ok := flatRows(m.value)
		if !ok || len(rows) == 0 {
			continue
		}
		title := sensors.Names{ZH: "检测评估：" + m.key, EN: "Evaluation: " + m.key}
		t := Table{Key: "evaluation_" + m.key, Title: title}
		for _, f := range rows[0] {
			c := Column{Key: f.key, Names: sensors.Names{ZH: f.key, EN: f.key}, Type: TextColumn}
			if hasNumber(rows, f.key) {
				c.Type, c.Unit, c.Digits = NumberColumn, "1", 4
			}
			t.Columns = append(t.Columns, c)
		}
		for _, fields := range rows {
			t.Rows = append(t.Rows, evaluationRow(t.Columns, fields))
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the file has no array of objects")
	}
	return out, nil
}

// hasNumber reports whether a field is a number in any row: it may be null in the
// first.
func hasNumber(rows [][]member, key string) bool {
	return slices.ContainsFunc(rows, func(fields []member) bool {
		return slices.ContainsFunc(fields, func(f member) bool {
			_, number := f.value.(json.Number)
			return number && f.key == key
		})
	})
}

func evaluationRow(columns []Column, fields []member) []Value {
	row := make([]Value, len(columns))
	for i, c := range columns {
		row[i] = Missing(NoteUndefined)
		for _, f := range fields {
			if f.key != c.Key {
				continue
			}
			switch v := f.value.(type) {
			case json.Number:
				if n, err := v.Float64(); err == nil {
					row[i] = Number(n)
				}
			case string:
				row[i] = Text(v)
			case bool:
				row[i] = YesNo(v)
			}
		}
	}
	return row
}

// member is one member of a JSON object.
type member struct {
	key   string
	value any // json.Number, string, bool, nil, or what was decoded of arrays: []any; of objects: []member
}

// orderedObject reads an object whose members keep their order.
func orderedObject(dec *json.Decoder) ([]member, error) {
	dec.UseNumber()
	v, err := orderedValue(dec)
	if err != nil {
		return nil, err
	}
	members, ok := v.([]member)
	if !ok {
		return nil, fmt.Errorf("the file is not a JSON object")
	}
	return members, nil
}

func orderedValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		out := []member{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := orderedValue(dec)
			if err != nil {
				return nil, err
			}
			out = append(out, member{strings.TrimSpace(fmt.Sprint(key)), v})
		}
		_, err = dec.Token() // the closing brace
		return out, err
	case json.Delim('['):
		out := []any{}
		for dec.More() {
			v, err := orderedValue(dec)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err = dec.Token()
		return out, err
	}
	return token, nil
}

// flatRows returns the objects of an array of flat objects.
func flatRows(v any) ([][]member, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var out [][]member
	for _, one := range list {
		fields, ok := one.([]member)
		if !ok {
			return nil, false
		}
		out = append(out, fields)
	}
	return out, true
}
