package dashboard

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// directoryAge is how old what lists of devices are made of may be. What people
// change through this server shows at once.
const directoryAge = 2 * time.Second

// directory is the register as lists show it. It is read whole, so that it can be
// searched and sorted by what is worked out, such as the condition of a device;
// 20,000 devices take a fraction of a second and about 30 MB. It is safe for
// concurrent use.
type directory struct {
	server  *Server
	turn    chan struct{} // holds one token; who has it reads the register
	now     atomic.Pointer[deviceTable]
	changed atomic.Int64 // grows when the register is changed here
}

// deviceTable is the register at a time. It is not changed once it is made.
type deviceTable struct {
	at      time.Time
	changed int64
	rows    []deviceView // in the order of ids
	placed  map[sensors.DeviceID]placedAt
}

// placedAt is what follows from a registered place, kept because it takes most
// of the time.
type placedAt struct {
	position sensors.Position
	wgs84    grid.Point
	cell     string
	area     grid.AreaCode
}

func newDirectory(s *Server) *directory {
	return &directory{server: s, turn: make(chan struct{}, 1)}
}

// touch makes the next list read the register.
func (d *directory) touch() { d.changed.Add(1) }

// table returns the register as it was at most directoryAge ago.
func (d *directory) table(ctx context.Context) (*deviceTable, error) {
	if t := d.fresh(); t != nil {
		return t, nil
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-d.turn }()
	if t := d.fresh(); t != nil {
		return t, nil // somebody else has read it meanwhile
	}
	t, err := d.read(ctx)
	if err == nil {
		d.now.Store(t)
	}
	return t, err
}

func (d *directory) fresh() *deviceTable {
	t := d.now.Load()
	if t == nil || t.changed != d.changed.Load() || d.server.deps.Now().Sub(t.at) >= directoryAge {
		return nil
	}
	return t
}

func (d *directory) read(ctx context.Context) (*deviceTable, error) {
	s := d.server
	t := &deviceTable{at: s.deps.Now(), changed: d.changed.Load(), placed: map[sensors.DeviceID]placedAt{}}
	known := map[sensors.DeviceID]placedAt{}
	if old := d.now.Load(); old != nil {
		known = old.placed
	}
	alerts, err := s.openQualityAlerts(ctx)
	if err != nil {
		return nil, err
	}
	for after := sensors.DeviceID(""); ; {
		page, err := s.deps.Devices.ListDevices(ctx, after, filterPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			device := &page[i]
			at, ok := known[device.ID]
			if !ok || at.position != device.Position {
				at = s.placeOf(device.Position)
			}
			if device.Position.Known() {
				t.placed[device.ID] = at
			}
			t.rows = append(t.rows, s.viewDeviceAt(device, at, alerts[device.ID]))
			after = device.ID
		}
		if len(page) < filterPage {
			return t, nil
		}
	}
}

// maxQualityAlerts bounds how many open alerts lists of devices look at.
const maxQualityAlerts = 5 * store.MaxAlerts

// openQualityAlerts returns what is said against devices at the moment.
func (s *Server) openQualityAlerts(ctx context.Context) (map[sensors.DeviceID][]deviceAlertView, error) {
	byDevice := map[sensors.DeviceID][]deviceAlertView{}
	q := store.AlertQuery{State: store.AlertOpen, Category: store.AboutQuality, Limit: store.MaxAlerts}
	for seen := 0; seen < maxQualityAlerts; {
		page, err := s.deps.Alerts.FindAlerts(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if a := &page[i]; a.Device != "" && a.MergedInto == "" {
				byDevice[a.Device] = append(byDevice[a.Device], viewDeviceAlert(a))
			}
		}
		if seen += len(page); len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].ID
	}
	return byDevice, nil
}

// DeviceFilter narrows lists of devices. What is left out does not narrow.
type DeviceFilter struct {
	State       string `query:"state" enum:"online,offline,silent" doc:"Only devices in this state"`
	Condition   string `query:"condition" enum:"offline,odd,late,silent,online" doc:"Only devices in this condition"`
	Area        string `query:"area" doc:"Only devices of this responsibility area"`
	Profile     string `query:"profile" doc:"Only devices with this profile"`
	Kind        string `query:"kind" doc:"Only devices that are registered to send this kind"`
	Q           string `query:"q" maxLength:"200" doc:"Only devices with this text in id, name, owner or a tag, small letters and capitals alike"`
	Auto        string `query:"auto" enum:"true,false" doc:"Only devices that entered themselves, or only those that a person entered"`
	Maintenance string `query:"maintenance" enum:"true,false" doc:"Only devices that are worked on now, or only the others"`
	Place       string `query:"place" enum:"true,false" doc:"Only devices with a registered place, or only those without"`
}

// matches reports whether a row passes everything but the condition.
func (f *DeviceFilter) matches(v *deviceView, q string) bool {
	differs := func(want string, is bool) bool { return want != "" && (want == "true") != is }
	switch {
	case f.State != "" && string(v.State) != f.State,
		f.Area != "" && string(v.Area) != f.Area,
		f.Profile != "" && v.Profile != f.Profile,
		f.Kind != "" && !slices.Contains(v.Kinds, sensors.KindKey(f.Kind)),
		differs(f.Auto, v.Auto), differs(f.Maintenance, v.Health.Maintenance), differs(f.Place, v.Place != nil):
		return false
	}
	if q == "" {
		return true
	}
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), q) }
	return has(string(v.ID)) || has(v.Name) || has(v.Owner) || slices.ContainsFunc(v.Tags, has)
}

// find returns the rows that pass f, and how many pass all but the condition, by
// condition.
func (t *deviceTable) find(f *DeviceFilter) (rows []*deviceView, counts map[condition]int) {
	counts = map[condition]int{}
	for _, c := range conditions {
		counts[c] = 0
	}
	q := strings.ToLower(f.Q)
	for i := range t.rows {
		v := &t.rows[i]
		if !f.matches(v, q) {
			continue
		}
		counts[v.Condition]++
		if f.Condition == "" || string(v.Condition) == f.Condition {
			rows = append(rows, v)
		}
	}
	return rows, counts
}

// sortKey is where a device stands in an order: what is not known comes last,
// whichever way the order goes.
type sortKey struct {
	Unknown bool             `json:"u,omitempty"`
	Number  float64          `json:"n,omitempty"`
	Text    string           `json:"t,omitempty"`
	ID      sensors.DeviceID `json:"i"`
}

// compareKeys orders by down or up, of equals by id upwards.
func compareKeys(a, b sortKey, down bool) int {
	if a.Unknown != b.Unknown {
		if a.Unknown {
			return 1
		}
		return -1
	}
	c := cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Text, b.Text))
	if down {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.ID, b.ID))
}

// sortKeyOf returns where v stands in the order by.
func sortKeyOf(v *deviceView, by string) sortKey {
	k := sortKey{ID: v.ID}
	switch by {
	case "name":
		k.Text, k.Unknown = v.Name, v.Name == ""
	case "area":
		k.Text, k.Unknown = string(v.Area), v.Area == ""
	case "condition":
		k.Number = float64(slices.Index(conditions[:], v.Condition))
	case "last_seen":
		if k.Unknown = v.LastSeen == nil; !k.Unknown {
			k.Number = float64(v.LastSeen.UnixMicro())
		}
	case "rate":
		k.Number = v.Health.PerMinute
	case "bad":
		k.Number = v.Health.BadShare
	case "battery":
		if k.Unknown = v.Health.BatteryPercent == nil; !k.Unknown {
			k.Number = *v.Health.BatteryPercent
		}
	}
	return k
}
