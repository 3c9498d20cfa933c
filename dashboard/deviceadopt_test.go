package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
)

// brittle is a register that fails at one device.
type brittle struct {
	dashboard.Devices
	at sensors.DeviceID
}

func (b brittle) ChangeDevice(ctx context.Context, by string, d sensors.Device, known int64) (sensors.Device, error) {
	if d.ID == b.at {
		return sensors.Device{}, errors.New("the disk is full")
	}
	return b.Devices.ChangeDevice(ctx, by, d, known)
}

func TestAPI_WhatWasAdoptedBeforeTheRegisterFailedIsListedSo(t *testing.T) {
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Devices = brittle{d.Devices, "b"} })
	for _, id := range []sensors.DeviceID{"a", "b"} {
		s.stores.devices[id] = sensors.Device{ID: id, Auto: true, Version: 1}
	}
	var list struct {
		Devices []struct {
			ID   string
			Auto bool
		}
	}
	s.get(t, "/api/v1/devices", &list)
	s.do(t, http.MethodPost, "/api/v1/devices/adopt", `{"devices":[{"id":"a"},{"id":"b"}]}`, "Content-Type", jsonType).wantProblem(t, http.StatusInternalServerError)
	s.get(t, "/api/v1/devices", &list)
	if len(list.Devices) != 2 || list.Devices[0].Auto || !list.Devices[1].Auto {
		t.Errorf("the list has %+v; want a adopted and b not", list.Devices)
	}
}
