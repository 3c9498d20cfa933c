package influx_test

import (
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/store/influx"
)

func TestOpen_RejectsAddressesThatCannotWork(t *testing.T) {
	for address, want := range map[string]string{
		"http://h:8086?bucket=b":                 "influx+http",
		"influx+ftp://h?bucket=b":                "influx+http",
		"influx+http://h:8086?org=o":             "bucket is missing",
		"influx+http://u:secret@h:8086?bucket=b": "must not hold a user or password",
		"influx+http://h?bucket=b&token=secret":  "none of org, bucket",
		"influx+http://?bucket=b":                "influx+http",
	} {
		_, err := influx.Open(t.Context(), address, influx.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", address, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the secret: %v", address, err)
		}
	}
	s, err := influx.Open(t.Context(), "influx+https://h:8086/base?org=o&bucket=b", influx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
