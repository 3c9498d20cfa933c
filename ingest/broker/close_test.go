package broker_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// Clients come and go while the broker closes, as when a whole city is cut off. The
// library's own way of finding the clients to disconnect reads its list twice at
// once, and waits for ever when one who changes the list stands between.
func TestBroker_ClosesWhileClientsComeAndGo(t *testing.T) {
	const rounds, clients = 20, 4
	for round := range rounds {
		r := newRig(t, broker.Options{})
		for i := range clients {
			r.dial(t, mqttraw.Options{ClientID: strconv.Itoa(i)})
		}
		release := r.broker.HoldClients()
		closed := make(chan error, 1)
		go func() { closed <- r.broker.Close() }()
		var others sync.WaitGroup
		for range clients {
			others.Go(func() { r.broker.HoldClients()() })
		}
		<-time.After(5 * time.Millisecond) // for all of them to stand in line
		release()
		select {
		case err := <-closed:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("in round %d the broker does not close", round)
		}
		others.Wait()
	}
}
