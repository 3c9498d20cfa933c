// Package liveclient speaks the live protocol of docs/PROTOCOL.md: a Client is one
// connection, Follow keeps one alive and what it has told up to date. It shares no
// code with the server, so that it shows that the document is enough.
package liveclient

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// subprotocol is the version of the protocol that is spoken here.
const subprotocol = "urbangrid.v1"

// TileSteps is how many resolutions a tile is coarser than the cells of its topic.
const TileSteps = 4

// Client is one connection. One goroutine may write while another reads.
type Client struct{ conn *websocket.Conn }

// DialContext opens the connection below a Client; nil is that of package net.
type DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial connects to the server at base, e.g. "http://127.0.0.1:8080".
func Dial(ctx context.Context, base string) (*Client, error) { return dial(ctx, base, nil) }

func dial(ctx context.Context, base string, below DialContext) (*Client, error) {
	d := websocket.Dialer{
		Subprotocols: []string{subprotocol}, HandshakeTimeout: 10 * time.Second, EnableCompression: true, NetDialContext: below,
	}
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

// Since is up to where a topic is known.
type Since struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// request is a frame to the server.
type request struct {
	T     string `json:"t"`
	ID    *int64 `json:"id,omitempty"`
	Topic string `json:"topic,omitempty"`
	Since *Since `json:"since,omitempty"`
	Now   *int64 `json:"now,omitempty"`
}

// writeWait is the longest that saying something may take.
const writeWait = 10 * time.Second

func (c *Client) say(r request) error {
	// A deadline that could not be set shows in the write itself.
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
	if err := c.conn.WriteJSON(r); err != nil {
		return fmt.Errorf("say %s: %w", r.T, err)
	}
	return nil
}

// Subscribe asks for a topic under an id of the caller's choice.
func (c *Client) Subscribe(id int64, topic string) error { return c.Resume(id, topic, nil) }

// Resume asks for what a topic has become since then; nil asks for all.
func (c *Client) Resume(id int64, topic string, since *Since) error {
	return c.say(request{T: "sub", ID: &id, Topic: topic, Since: since})
}

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(id int64) error {
	return c.say(request{T: "unsub", ID: &id})
}

// Answer tells the server that its heartbeat has come.
func (c *Client) Answer(heartbeat Frame) error {
	return c.say(request{T: "hb", Now: &heartbeat.NowMillis})
}

// TopicID is an id for a topic that is the same for everyone, turn 0 or 1: viewers of
// a topic under one id share what the server encodes. Subscribing again takes the
// other turn, so that frames that were under way are told apart.
func TopicID(topic string, turn int) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic)) // a hash takes everything
	return int64(h.Sum32())<<1 | int64(turn&1)
}

// Frame is any frame of the server. Which fields it has depends on T.
type Frame struct {
	T         string            `json:"t"`
	ID        int64             `json:"id"`
	Version   int               `json:"-"` // of a hello, its v
	Server    string            `json:"server"`
	Epoch     string            `json:"epoch"`
	Seq       uint64            `json:"seq"`
	From      uint64            `json:"from"`
	Table     string            `json:"tbl"`
	AtMillis  int64             `json:"ts"`
	Indices   []int             `json:"i"` // gap-coded
	Values    []*float64        `json:"-"` // of cells, their v
	Counts    []int64           `json:"n"`
	Alert     json.RawMessage   `json:"alert"`
	Alerts    []json.RawMessage `json:"alerts"`
	Open      int               `json:"open"` // of a snapshot of alerts: how many are open, also beyond Alerts
	After     uint64            `json:"after"`
	NowMillis int64             `json:"now"`
	LagMillis *int64            `json:"lag"`
	Code      json.RawMessage   `json:"code"` // a word of err, a number of bye
	Message   string            `json:"message"`
	RetryMS   int64             `json:"retry_ms"`
	Raw       []byte            `json:"-"`
}

// At is when what the frame tells happened, the zero Time when it does not say.
func (f *Frame) At() time.Time {
	if f.AtMillis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(f.AtMillis)
}

// Decode reads a frame. What V means depends on the type: a version, or values.
func Decode(data []byte) (Frame, error) {
	var f struct {
		Frame
		V json.RawMessage `json:"v"`
	}
	err := json.Unmarshal(data, &f)
	if err == nil && len(f.V) > 0 {
		if f.T == "hello" {
			err = json.Unmarshal(f.V, &f.Version)
		} else {
			err = json.Unmarshal(f.V, &f.Values)
		}
	}
	if err != nil {
		return Frame{}, fmt.Errorf("live frame: %w", err)
	}
	f.Raw = data
	return f.Frame, nil
}

// Read returns the next frame.
func (c *Client) Read() (Frame, error) {
	_, data, err := c.conn.ReadMessage()
	if err != nil {
		return Frame{}, fmt.Errorf("read live frame: %w", err)
	}
	return Decode(data)
}

// Close ends the connection, and a Read that waits.
func (c *Client) Close() error { return c.conn.Close() }
