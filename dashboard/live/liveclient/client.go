// Package liveclient listens to the live WebSocket of a server, for tests and
// benchmarks.
package liveclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Client is one connection. One goroutine may write while another reads.
type Client struct{ conn *websocket.Conn }

// Frame is what every frame has, and the alert of those that carry one.
type Frame struct {
	T     string          `json:"t"`
	ID    int             `json:"id"`
	Epoch string          `json:"epoch"`
	Seq   uint64          `json:"seq"`
	Alert json.RawMessage `json:"alert"`
	Raw   []byte          `json:"-"`
}

// Dial connects to the server at base, e.g. "http://127.0.0.1:8080".
func Dial(ctx context.Context, base string) (*Client, error) {
	d := websocket.Dialer{Subprotocols: []string{"urbangrid.v1"}, HandshakeTimeout: 10 * time.Second}
	conn, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(base, "http")+"/api/v1/live", http.Header{"Origin": {base}})
	if resp != nil {
		// The answer to a handshake is in memory, its body has nothing to say.
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("connect to live view: %w (status %s)", err, resp.Status)
		}
		return nil, fmt.Errorf("connect to live view: %w", err)
	}
	return &Client{conn}, nil
}

// Subscribe asks for a topic under an id of the caller's choice.
func (c *Client) Subscribe(id int, topic string) error {
	return c.conn.WriteJSON(map[string]any{"t": "sub", "id": id, "topic": topic})
}

// Read returns the next frame.
func (c *Client) Read() (Frame, error) {
	_, data, err := c.conn.ReadMessage()
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Raw: data}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("live frame: %w", err)
	}
	return f, nil
}

// Close ends the connection, and a Read that waits.
func (c *Client) Close() error { return c.conn.Close() }
