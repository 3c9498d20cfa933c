// Package mqttraw speaks just enough MQTT to load a broker and to test what it
// answers: packets are sent and read one by one, with nothing done behind the
// caller's back. It is for tests and benchmarks.
package mqttraw

import (
	"bufio"
	"context"
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
	ID      uint16 // of Puback, Pubrec, Pubcomp, Suback
	Reason  byte   // of Connack, Puback, Pubrec, Pubcomp, Disconnect; 0 is success
	Present bool   // session present, of Connack
	Topic   string // of Publish
	Payload []byte // of Publish
}

// Options of a connection.
type Options struct {
	ClientID string
	Version  byte // 4 (3.1.1) or 5; 0 means 4
	Resume   bool // keep the session of the same client id
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
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, Packet{}, fmt.Errorf("dial: %w", err)
	}
	if opts.Version == 0 {
		opts.Version = 4
	}
	c := &Conn{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10), w: bufio.NewWriterSize(nc, 64<<10), version: opts.Version}
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
	body := []byte{0, 4, 'M', 'Q', 'T', 'T', opts.Version, flags, 0, 0} // no keep-alive
	if opts.Version == 5 {
		props := []byte{}
		if opts.Resume {
			props = []byte{0x11, 0, 0, 0xff, 0xff} // session expiry interval
		}
		body = append(append(body, byte(len(props))), props...)
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(opts.ClientID))) //nolint:gosec // short by construction
	body = append(body, opts.ClientID...)
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

// Publish buffers a PUBLISH; Flush sends it.
func (c *Conn) Publish(topic string, payload []byte, qos byte, id uint16, dup bool) {
	first := 0x30 | qos<<1
	if dup {
		first |= 8
	}
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

// Subscribe buffers a SUBSCRIBE at QoS 0.
func (c *Conn) Subscribe(id uint16, filter string) {
	body := []byte{byte(id >> 8), byte(id)}
	if c.version == 5 {
		body = append(body, 0)
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(filter))) //nolint:gosec // short by construction
	body = append(append(body, filter...), 0)
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
		if n >= 3 && p.Type != Suback {
			p.Reason = body[2]
		}
	}
	return p, nil
}

func (c *Conn) published(p Packet, first byte, body []byte) (Packet, error) {
	l := int(binary.BigEndian.Uint16(body))
	at := 2 + l
	if first&6 != 0 {
		at += 2
	}
	if len(body) < at {
		return p, errors.New("malformed PUBLISH")
	}
	p.Topic = string(body[2 : 2+l])
	if c.version == 5 {
		props, n := binary.Uvarint(body[at:])
		at += n + int(props) //nolint:gosec // bounded by the packet
	}
	p.Payload = body[min(at, len(body)):]
	return p, nil
}
