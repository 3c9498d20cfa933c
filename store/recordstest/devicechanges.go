package recordstest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func (f *fixture) change(by string, d sensors.Device, known int64) sensors.Device {
	f.t.Helper()
	kept, err := f.ChangeDevice(f.t.Context(), by, d, known)
	if err != nil {
		f.t.Fatalf("ChangeDevice(%q, %+v, %d): %v", by, d, known, err)
	}
	return kept
}

func (f *fixture) wantChanges(id sensors.DeviceID, want ...store.DeviceChange) {
	f.t.Helper()
	got, err := f.DeviceChanges(f.t.Context(), id, 0, 100)
	if err != nil {
		f.t.Fatalf("DeviceChanges: %v", err)
	}
	for i, c := range got {
		if time.Since(c.At) > time.Minute || i > 0 && c.Number >= got[i-1].Number {
			f.t.Errorf("change %d at %v, want now and newest first", c.Number, c.At)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.DeviceChange{}, "Number", "At"), cmpopts.EquateEmpty()); diff != "" {
		f.t.Errorf("changes of %s differ (-want +got):\n%s", id, diff)
	}
}

var deviceChangePromises = map[string]func(*testing.T, *fixture){
	"each change makes a version, and says who changed what": func(t *testing.T, f *fixture) {
		d := registered
		if v := f.change("王芳", d, 0).Version; v != 1 {
			t.Errorf("entered with version %d, want 1", v)
		}
		d.Name, d.Owner = "二号", "区市政所"
		f.change("李明", d, 1)
		d.Position.LatDegrees += 0.001
		kept := f.change("", d, 2)
		d.Version = 3
		wantEqual(t, "device", kept, d)
		f.reopen()
		f.wantChanges(d.ID,
			store.DeviceChange{Device: d.ID, Version: 3, Action: store.DeviceChanged, Fields: []string{"place"}},
			store.DeviceChange{Device: d.ID, Version: 2, By: "李明", Action: store.DeviceChanged, Fields: []string{"name", "owner"}},
			store.DeviceChange{Device: d.ID, Version: 1, By: "王芳", Action: store.DeviceEntered, Fields: []string{"name", "place"}})
	},
	"of two who change the same version the second is shown what the first did": func(t *testing.T, f *fixture) {
		d := f.change("王芳", registered, 0)
		mine, theirs := d, d
		mine.Name, theirs.Name = "甲", "乙"
		f.change("李明", theirs, d.Version)
		kept, err := f.ChangeDevice(t.Context(), "王芳", mine, d.Version)
		if !errors.Is(err, store.ErrConflict) || kept.Name != "乙" || kept.Version != 2 {
			t.Errorf("second change: %+v, %v, want 乙 at version 2 and ErrConflict", kept, err)
		}
		if kept, err := f.ChangeDevice(t.Context(), "", sensors.Device{ID: "ghost"}, 4); !errors.Is(err, store.ErrConflict) || kept.Version != 0 {
			t.Errorf("change of an unknown device: %+v, %v, want version 0 and ErrConflict", kept, err)
		}
	},
	"many who change one version at once: one wins": func(t *testing.T, f *fixture) {
		f.change("", registered, 0)
		var won atomic.Int64
		together(t, 8, func(i int) error {
			d := registered
			d.Name = fmt.Sprintf("name %d", i)
			_, err := f.ChangeDevice(t.Context(), "", d, 1)
			if err == nil {
				won.Add(1)
			} else if errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		})
		if won.Load() != 1 {
			t.Errorf("%d changes of one version were kept, want 1", won.Load())
		}
	},
	"what changes nothing and what devices do makes no version": func(t *testing.T, f *fixture) {
		f.change("王芳", stated, 0)
		f.putDevice(stated)
		f.seen(map[sensors.DeviceID]time.Time{stated.ID: noon})
		if kept := f.change("李明", stated, 1); kept.Version != 1 || !kept.LastSeen.Equal(noon) {
			t.Errorf("version %d, last seen %v, want 1 and %v", kept.Version, kept.LastSeen, noon)
		}
		f.wantChanges(stated.ID, store.DeviceChange{Device: stated.ID, Version: 1, By: "王芳", Action: store.DeviceEntered,
			Fields: []string{"name", "place", "profile", "kinds", "owner", "area", "installed", "maintenance", "interval", "tags"}})
	},
	"a device that entered itself is adopted": func(t *testing.T, f *fixture) {
		f.seen(map[sensors.DeviceID]time.Time{"a": noon})
		if kept := f.change("王芳", sensors.Device{ID: "a", Name: "一号"}, 1); kept.Auto || kept.Version != 2 {
			t.Errorf("adopted as %+v, want not auto and version 2", kept)
		}
		if err := f.NoteDevice(t.Context(), "a", "李明", store.PasswordIssued); err != nil {
			t.Fatal(err)
		}
		f.wantChanges("a",
			store.DeviceChange{Device: "a", Version: 2, By: "李明", Action: store.PasswordIssued},
			store.DeviceChange{Device: "a", Version: 2, By: "王芳", Action: store.DeviceAdopted, Fields: []string{"name", "auto"}})
		page, err := f.DeviceChanges(t.Context(), "a", 0, 1)
		if err != nil || len(page) != 1 {
			t.Fatalf("first page: %v, %v", page, err)
		}
		if page, err = f.DeviceChanges(t.Context(), "a", page[0].Number, 1); err != nil || len(page) != 1 || page[0].Action != store.DeviceAdopted {
			t.Errorf("second page: %v, %v, want the adoption", page, err)
		}
	},
}
