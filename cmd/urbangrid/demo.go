package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator"
)

// simulate enters the simulated devices into the register and lets them publish
// over MQTT, as any other device would, until ctx ends.
func (s *server) simulate(ctx context.Context) error {
	city := simulator.New(s.cfg.DemoSeed, simulator.Options{
		Devices: s.cfg.DemoDevices, Rate: s.cfg.DemoRate, Start: time.Now(), CellOf: cellName,
		Inside: func(lat, lon float64) bool {
			return s.areas.At(grid.Point{LatDegrees: lat, LonDegrees: lon}) != ""
		},
	})
	for _, d := range city.Devices() {
		err := s.register.PutDevice(ctx, sensors.Device{
			ID: d.ID, Name: d.Name,
			Position: sensors.Position{LatDegrees: d.LatDegrees, LonDegrees: d.LonDegrees, Datum: sensors.WGS84},
		})
		if err != nil {
			return fmt.Errorf("register simulated device: %w", err)
		}
	}
	to, _, _ := strings.Cut(s.cfg.Broker, "?")
	if s.broker != nil {
		to = "mqtt://" + s.broker.Addr()
	}
	pub, err := mqttpub.Dial(ctx, to, mqttpub.Options{ClientID: "urbangrid-demo", Log: s.log})
	if err != nil {
		return fmt.Errorf("simulated district: %w", err)
	}
	err = simulator.Run(ctx, city, pub, simulator.RunOptions{QoS: 1})
	return errors.Join(err, ctx.Err(), pub.Close())
}
