package profile_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

func catalog(t testing.TB) *sensors.Catalog {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shipped(t testing.TB) *profile.Set {
	t.Helper()
	s, err := profile.Default(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefault_HasNoFaults(t *testing.T) {
	if n := len(shipped(t).All()); n < 15 {
		t.Errorf("%d profiles are shipped, want at least 15", n)
	}
}
