package sparkplug

import (
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

const namespace = "spBv1.0/"

// address is what a topic says.
type address struct {
	group, verb, node, device string
	nodeID                    sensors.DeviceID // "group:node"
	id                        sensors.DeviceID // of whom the topic is about: the node, or "group:node:device"
}

// The messages that exist. Commands and states are for others.
const (
	nodeBirth   = "NBIRTH"
	nodeDeath   = "NDEATH"
	nodeData    = "NDATA"
	nodeCommand = "NCMD"
	birth       = "DBIRTH"
	death       = "DDEATH"
	data        = "DDATA"
	command     = "DCMD"
	state       = "STATE"
)

func parseTopic(topic string) (address, *fault) {
	rest, ok := strings.CutPrefix(topic, namespace)
	if ok && (rest == state || strings.HasPrefix(rest, state+"/")) {
		return address{verb: state}, nil
	}
	levels := strings.SplitN(rest, "/", 5)
	if !ok || len(levels) < 3 || len(levels) > 4 {
		return address{}, faultf(sensors.ReasonBadField, "topic %.200q is not of Sparkplug", topic)
	}
	a := address{group: levels[0], verb: levels[1], node: levels[2]}
	ofDevice := len(levels) == 4
	if ofDevice {
		a.device = levels[3]
	}
	switch a.verb {
	case nodeBirth, nodeDeath, nodeData, nodeCommand:
		ok = !ofDevice
	case birth, death, data, command:
		ok = ofDevice
	default:
		ok = false
	}
	switch {
	case !ok:
		return a, faultf(sensors.ReasonBadField, "topic %.200q is not of Sparkplug", topic)
	case a.group == "" || a.node == "" || (ofDevice && a.device == ""):
		return a, faultf(sensors.ReasonBadDevice, "topic %.200q leaves out a name", topic)
	case !a.name():
		return a, faultf(sensors.ReasonBadDevice, "topic %.200q names no valid device", topic)
	}
	return a, nil
}

// name gives the address its device ids and reports whether they are valid. A
// ':' or '%' in a name becomes "%3A" or "%25", so that no two names give one id.
func (a *address) name() bool {
	id := escape.Replace(a.group) + ":" + escape.Replace(a.node)
	a.nodeID, a.id = sensors.DeviceID(id), sensors.DeviceID(id)
	if a.device != "" {
		a.id = sensors.DeviceID(id + ":" + escape.Replace(a.device))
	}
	return sensors.ValidDeviceID(string(a.id))
}

var escape = strings.NewReplacer("%", "%25", ":", "%3A")
