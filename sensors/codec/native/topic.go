package native

import (
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

const (
	topicPrefix = "urbangrid/v1/"
	topicSuffix = "/obs"
)

// Topic returns the topic that the device publishes on.
func Topic(device sensors.DeviceID) string { return topicPrefix + string(device) + topicSuffix }

// Device returns the device that publishes on topic, and false when topic is
// not of the form urbangrid/v1/{device}/obs. The device may still be no valid
// one.
func (d *Decoder) Device(topic string) (sensors.DeviceID, bool) {
	rest, ok := strings.CutPrefix(topic, topicPrefix)
	if !ok {
		return "", false
	}
	device, ok := strings.CutSuffix(rest, topicSuffix)
	if !ok || strings.Contains(device, "/") {
		return "", false
	}
	return sensors.DeviceID(device), true
}
