// Package mqttraw speaks just enough MQTT to load a broker and to test what it
// answers: packets are sent and read one by one, with nothing done behind the
// caller's back. It is for tests and benchmarks.
package mqttraw

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// Type is the type of a control packet.
type Type byte

// The control packets that a Conn can read.
const (
	Connack    Type = 2
	Publish    Type = 3
	Puback     Type = 4
	Pubrec     Type = 5
	Pubrel     Type = 6
	Pubcomp    Type = 7
	Suback     Type = 9
	Pingresp   Type = 13
	Disconnect Type = 14
)

// Packet is one packet from the broker.
type Packet struct {
	Type    Type
	ID      uint16 // of Puback, Pubrec, Pubcomp, Suback, and Publish above QoS 0
	Reason  byte   // of Connack, Suback, Puback, Pubrec, Pubcomp, Disconnect; 0 is success
	Present bool   // session present, of Connack
	Topic   string // of Publish
	Payload []byte // of Publish
	Retain  bool   // of Publish: it was kept from before the subscription
	QoS     byte   // of Publish
}

// Options of a connection.
type Options struct {
	ClientID string
	Version  byte // 4 (3.1.1) or 5; 0 means 4
	Resume   bool // keep the session of the same client id
	Username string
	Password string
	Will     *Will
	// KeepAlive is in seconds; 0 means none.
	KeepAlive uint16
	// TLS encrypts the connection; nil means plain TCP.
	TLS *tls.Config
	// BufferBytes are reserved for each direction; 0 means 64 KiB.
	BufferBytes int
}

// Will is what the broker publishes when the connection ends without goodbye.
type Will struct {
	Topic        string
	Payload      []byte
	QoS          byte
	Retain       bool
	DelaySeconds uint32 // MQTT 5
}

// Conn is a connection. One goroutine may write while another reads.
type Conn struct {
	net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	version byte
}

// Dial connects and waits for the broker's CONNACK, which must be a success.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, Packet, error) {
	var d net.Dialer
	dial := d.DialContext
	if opts.TLS != nil {
		dial = (&tls.Dialer{Config: opts.TLS}).DialContext
	}
	nc, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, Packet{}, fmt.Errorf("dial: %w", err)
	}
	if opts.Version == 0 {
		opts.Version = 4
	}
	if opts.BufferBytes == 0 {
		opts.BufferBytes = 64 << 10
	}
	c := &Conn{Conn: nc, r: bufio.NewReaderSize(nc, opts.BufferBytes), w: bufio.NewWriterSize(nc, opts.BufferBytes), version: opts.Version}
	ack, err := c.connect(opts)
	if err != nil {
		return nil, ack, errors.Join(err, nc.Close())
	}
	return c, ack, nil
}

func (c *Conn) connect(opts Options) (Packet, error) {
	flags := byte(2) // clean start
	if opts.Resume {
		flags = 0
	}
	if w := opts.Will; w != nil {
		flags |= 4 | w.QoS<<3
		if w.Retain {
			flags |= 32
		}
	}
	if opts.Username != "" {
		flags |= 128
	}
	if opts.Password != "" {
		flags |= 64
	}
	body := []byte{0, 4, 'M', 'Q', 'T', 'T', opts.Version, flags, byte(opts.KeepAlive >> 8), byte(opts.KeepAlive)}
	if opts.Version == 5 {
		props := []byte{}
		if opts.Resume {
			props = []byte{0x11, 0, 0, 0xff, 0xff} // session expiry interval
		}
		body = append(append(body, byte(len(props))), props...)
	}
	body = appendString(body, opts.ClientID)
	if w := opts.Will; w != nil {
		if opts.Version == 5 {
			body = append(body, 5, 0x18) // will delay interval
			body = binary.BigEndian.AppendUint32(body, w.DelaySeconds)
		}
		body = appendString(appendString(body, w.Topic), string(w.Payload))
	}
	if opts.Username != "" {
		body = appendString(body, opts.Username)
	}
	if opts.Password != "" {
		body = appendString(body, opts.Password)
	}
	c.packet(0x10, body)
	if err := c.Flush(); err != nil {
		return Packet{}, err
	}
	p, err := c.Read()
	if err != nil {
		return p, fmt.Errorf("await CONNACK: %w", err)
	}
	if p.Type != Connack || p.Reason != 0 {
		return p, fmt.Errorf("broker answered type %d reason %d to CONNECT", p.Type, p.Reason)
	}
	return p, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) //nolint:gosec // short by construction
}

// Publish buffers a PUBLISH; Flush sends it.
func (c *Conn) Publish(topic string, payload []byte, qos byte, id uint16, dup bool) {
	first := 0x30 | qos<<1
	if dup {
		first |= 8
	}
	c.publish(first, topic, payload, id)
}

// Retain buffers a PUBLISH that the broker keeps for later subscribers.
func (c *Conn) Retain(topic string, payload []byte, qos byte, id uint16) {
	c.publish(0x31|qos<<1, topic, payload, id)
}

// PublishAlias buffers a PUBLISH of MQTT 5 with a topic alias, which is made
// when topic is not empty and used when it is.
func (c *Conn) PublishAlias(topic string, alias uint16, payload []byte, qos byte, id uint16) {
	body := appendString(nil, topic)
	if qos > 0 {
		body = binary.BigEndian.AppendUint16(body, id)
	}
	body = append(body, 3, 0x23, byte(alias>>8), byte(alias))
	c.packet(0x30|qos<<1, append(body, payload...))
}

func (c *Conn) publish(first byte, topic string, payload []byte, id uint16) {
	qos := first >> 1 & 3
	n := 2 + len(topic) + len(payload)
	if qos > 0 {
		n += 2
	}
	if c.version == 5 {
		n++
	}
	var head [9]byte
	b := append(head[:0], first)
	b = binary.AppendUvarint(b, uint64(n))                   //nolint:gosec // lengths are positive
	b = binary.BigEndian.AppendUint16(b, uint16(len(topic))) //nolint:gosec // short by construction
	c.w.Write(b)                                             //nolint:errcheck // a bufio.Writer keeps its error for Flush
	c.w.WriteString(topic)                                   //nolint:errcheck // as above
	if qos > 0 {
		c.w.Write([]byte{byte(id >> 8), byte(id)}) //nolint:errcheck // as above
	}
	if c.version == 5 {
		c.w.WriteByte(0) //nolint:errcheck // as above
	}
	c.w.Write(payload) //nolint:errcheck // as above
}

// Release buffers the PUBREL of a QoS 2 message.
func (c *Conn) Release(id uint16) { c.packet(0x62, []byte{byte(id >> 8), byte(id)}) }

// Ping buffers a PINGREQ.
func (c *Conn) Ping() { c.packet(0xC0, nil) }

// Acknowledge buffers the PUBACK of a QoS 1 message from the broker.
func (c *Conn) Acknowledge(id uint16) { c.packet(0x40, []byte{byte(id >> 8), byte(id)}) }

// Goodbye buffers a DISCONNECT, after which the broker publishes no will.
func (c *Conn) Goodbye() { c.packet(0xE0, nil) }

// Subscribe buffers a SUBSCRIBE at QoS 0.
func (c *Conn) Subscribe(id uint16, filter string) { c.SubscribeAt(id, filter, 0) }

// SubscribeAt buffers a SUBSCRIBE.
func (c *Conn) SubscribeAt(id uint16, filter string, qos byte) {
	body := []byte{byte(id >> 8), byte(id)}
	if c.version == 5 {
		body = append(body, 0)
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(filter))) //nolint:gosec // short by construction
	body = append(append(body, filter...), qos)
	c.packet(0x82, body)
}

// Flush sends what is buffered.
func (c *Conn) Flush() error { return c.w.Flush() }

func (c *Conn) packet(first byte, body []byte) {
	var head [6]byte
	b := binary.AppendUvarint(append(head[:0], first), uint64(len(body)))
	c.w.Write(b)    //nolint:errcheck // a bufio.Writer keeps its error for Flush
	c.w.Write(body) //nolint:errcheck // as above
}

// Read returns the broker's next packet.
func (c *Conn) Read() (Packet, error) {
	first, err := c.r.ReadByte()
	if err != nil {
		return Packet{}, err
	}
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		return Packet{}, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return Packet{}, err
	}
	p := Packet{Type: Type(first >> 4)}
	switch {
	case p.Type == Connack && n >= 2:
		p.Present, p.Reason = body[0]&1 == 1, body[1]
	case p.Type == Disconnect && n >= 1:
		p.Reason = body[0]
	case p.Type == Publish && n >= 2:
		return c.published(p, first, body)
	case n >= 2:
		p.ID = binary.BigEndian.Uint16(body)
		switch {
		case p.Type == Suback && body[n-1] >= 0x80:
			p.Reason = body[n-1]
		case p.Type != Suback && n >= 3:
			p.Reason = body[2]
		}
	}
	return p, nil
}

func (c *Conn) published(p Packet, first byte, body []byte) (Packet, error) {
	l := int(binary.BigEndian.Uint16(body))
	at := 2 + l
	p.QoS, p.Retain = first>>1&3, first&1 == 1
	if p.QoS > 0 {
		at += 2
	}
	if len(body) < at {
		return p, errors.New("malformed PUBLISH")
	}
	if p.QoS > 0 {
		p.ID = binary.BigEndian.Uint16(body[at-2:])
	}
	p.Topic = string(body[2 : 2+l])
	if c.version == 5 {
		props, n := binary.Uvarint(body[at:])
		at += n + int(props) //nolint:gosec // bounded by the packet
	}
	p.Payload = body[min(at, len(body)):]
	return p, nil
}
