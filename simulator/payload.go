package simulator

import (
	"strconv"
	"time"
)

// appendReading writes one observation in the native format. A reading that
// travels through a gateway names its sensor.
func appendReading(b []byte, start time.Time, r reading, gateway string) []byte {
	b = append(b, `{"kind":"`...)
	b = append(b, r.device.Kind...)
	b = append(b, `","value":`...)
	b = strconv.AppendFloat(b, r.value, 'f', -1, 64)
	b = append(b, `,"time":"`...)
	b = start.Add(r.at).AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, `","lat":`...)
	b = strconv.AppendFloat(b, r.lat, 'f', -1, 64)
	b = append(b, `,"lon":`...)
	b = strconv.AppendFloat(b, r.lon, 'f', -1, 64)
	if gateway != "" {
		b = append(b, `,"id":"`...)
		b = append(b, r.device.ID...)
		b = append(b, '-')
		b = strconv.AppendInt(b, start.Add(r.at).UnixMilli(), 10)
		b = append(b, '"')
	}
	if gateway == "" && r.confidence == 0 {
		return append(b, '}')
	}
	b = append(b, `,"attrs":{`...)
	if gateway != "" {
		b = append(b, `"sensor":"`...)
		b = append(b, r.device.ID...)
		b = append(b, '"')
	}
	if r.confidence != 0 {
		if gateway != "" {
			b = append(b, ',')
		}
		b = append(b, `"confidence":`...)
		b = strconv.AppendFloat(b, r.confidence, 'f', -1, 64)
	}
	return append(b, `}}`...)
}
