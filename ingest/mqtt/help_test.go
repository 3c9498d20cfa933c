package mqtt_test

import (
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
)

func retain(t *testing.T, m *mosquitto.Broker, topic string, payload []byte) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(m.URL()).SetClientID("retainer"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(250)
	if token := c.Publish(topic, 1, true, payload); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
}
