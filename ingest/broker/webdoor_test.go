package broker_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/ingest/broker"
)

// inMemory is a listener whose connections are in memory, so that time can be made up.
type inMemory struct {
	calls chan net.Conn
	ended chan struct{}
}

func (l *inMemory) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *inMemory) Close() error {
	select {
	case <-l.ended:
	default:
		close(l.ended)
	}
	return nil
}

func (l *inMemory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Whoever comes to the WebSocket address and never becomes a client is let go, at
// whichever step he stops.
func TestBroker_LetsGoOfRequestsThatNeverBecomeClients(t *testing.T) {
	const upgrade = "GET / HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: mqtt\n"
	for name, said := range map[string]string{
		"half a head":              "GET / HTTP/1.1\nHost: x\n",
		"a request, then silence":  "GET / HTTP/1.1\nHost: x\n\n",
		"a body that never comes":  "POST / HTTP/1.1\nHost: x\nContent-Length: 1000\n\n",
		"an upgrade with a body":   upgrade + "Content-Length: 1000\n\n",
		"an upgrade, then silence": upgrade + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := &inMemory{calls: make(chan net.Conn), ended: make(chan struct{})}
				serve, closeAll := broker.WebDoor(ln, func(_ string, c net.Conn) error {
					_, err := c.Read(make([]byte, 1)) // CONNECT
					return err
				})
				served := make(chan struct{})
				go func() {
					defer close(served)
					serve()
				}()
				here, there := net.Pipe()
				ln.calls <- there
				if _, err := io.WriteString(here, strings.ReplaceAll(said, "\n", "\r\n")); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = io.Copy(io.Discard, here)
				}()
				time.Sleep(time.Minute)
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Error("it is held after a minute")
					_ = here.Close()
				}
				closeAll()
				<-served
			})
		})
	}
}
