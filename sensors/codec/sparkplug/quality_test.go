package sparkplug_test

import "testing"

func TestFormat_AValueOfBadQualityIsSaidAndNotObserved(t *testing.T) {
	line := "g:n noise 51 at 07:59:59Z\n"
	null := bytesField(bytesField(nil, 1, []byte("Quality")), 2, varint(varint(nil, 2, 1), 3, 0))
	short := bytesField(bytesField(nil, 1, []byte("a")), 1, []byte("Quality"))
	for name, tt := range map[string]struct {
		properties []byte
		want       string
	}{
		"good":                       {quality(192), line},
		"good, by hand":              {quality(216), line},
		"bad":                        {quality(0), "health g:n bad quality: Noise\n"},
		"stale":                      {quality(500), "health g:n stale: Noise\n"},
		"of another book":            {quality(64), "health g:n quality 64: Noise\n"},
		"null":                       {null, line},
		"a key without its value":    {bytesField(short, 2, varint(nil, 3, 0)), line},
		"no properties":              {[]byte{}, line},
		"properties that are broken": {[]byte("\xff\xff"), line},
	} {
		t.Run(name, func(t *testing.T) {
			born(t).expect(ndata, message(t0, 2, met{alias: 1, value: float32(51), properties: tt.properties}), tt.want)
		})
	}
}

func TestFormat_ATruthIsNoQuantityUntilARuleSaysHowMuch(t *testing.T) {
	newHost(t).expect(nbirth, message(t0, 0, session(1),
		met{name: "Noise", typ: booleanT, value: true},
		met{name: "Temperature", typ: booleanT, value: true}, // scale: 0.1
	), "g:n temperature 0.1 at 07:59:59Z\nhealth g:n online\nfault 1 bad_field\n")
}
