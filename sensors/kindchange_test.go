package sensors_test

import (
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestCatalog_WithChangesWhatIsShownAlone(t *testing.T) {
	before, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	noise, _ := before.Kind("noise")
	change := noise.Change()
	change.Names.ZH, change.Scale = "环境噪声", [2]float64{40, 90}
	after, err := before.With(map[sensors.KindKey]sensors.KindChange{"noise": change})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := after.Kind("noise")
	want := noise
	want.Names, want.Scale = change.Names, change.Scale
	if got != want {
		t.Errorf("kind is %+v, want %+v", got, want)
	}
	if old, _ := before.Kind("noise"); old != noise {
		t.Errorf("the catalogue before has become %+v", old)
	}
	if len(after.All()) != len(before.All()) || after.All()[0].Key != before.All()[0].Key {
		t.Error("the order of the kinds has changed")
	}
}

func TestCatalog_WithRefusesWhatMakesNoSense(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	noise, _ := catalog.Kind("noise")
	change := noise.Change()
	change.Names.EN, change.Scale = "", [2]float64{90, 40}
	_, err = catalog.With(map[sensors.KindKey]sensors.KindChange{"noise": change, "ghost": change})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"ghost", "names", "scale"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
}
