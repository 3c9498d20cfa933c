package bench_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
)

// viewer is one page at the live map as the server sees it: it takes compressed
// frames, answers heartbeats and pings, and follows one cells topic and the alerts.
// It decodes no more than the head of a frame, so that thousands of viewers leave
// the machine to the server. One goroutine owns it.
type viewer struct {
	conn    net.Conn
	r       *bufio.Reader
	inflate io.ReadCloser
	packed  []byte // the first bytes of a compressed message
	head    []byte // the first bytes of a message
	seen    *sightings
}

// sightings is what all viewers have seen.
type sightings struct {
	snapshots atomic.Int64
	recording atomic.Bool
	ages      histogram              // of deltas, from their ts
	alerts    histogram              // from PUBLISH
	sent      [maxTilts]atomic.Int64 // when each alert's observation was published, epoch microseconds
}

const maxTilts = 1024

// histogram counts durations by the millisecond. It is safe for concurrent use.
type histogram [20_000]atomic.Int64

func (h *histogram) add(d time.Duration) {
	ms := min(max(d.Milliseconds(), 0), int64(len(h)-1))
	h[ms].Add(1)
}

// quantile returns the least duration, in milliseconds, that a share q of all do not
// exceed, and how many there are.
func (h *histogram) quantile(q float64) (ms float64, n int64) {
	for i := range h {
		n += h[i].Load()
	}
	var sum int64
	for i := range h {
		if sum += h[i].Load(); float64(sum) >= q*float64(n) {
			return float64(i), n
		}
	}
	return float64(len(h)), n
}

// headBytes is how much of a message is looked at, packed and plain.
const headBytes = 512

func dialViewer(ctx context.Context, addr, topic string, seen *sightings) (*viewer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	v := &viewer{conn: conn, r: bufio.NewReaderSize(conn, 16<<10), packed: make([]byte, headBytes), head: make([]byte, headBytes), seen: seen}
	v.inflate = flate.NewReader(bytes.NewReader(nil))
	if err := v.shake(addr); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	for _, t := range []string{topic, "alerts"} {
		if err := v.say(0x81, fmt.Appendf(nil, `{"t":"sub","id":%d,"topic":%q}`, liveclient.TopicID(t, 0), t)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return v, nil
}

func (v *viewer) shake(addr string) error {
	_, err := fmt.Fprintf(v.conn, "GET /api/v1/live HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: urbangrid.v1\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", addr, addr)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(v.r, nil)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // it has none
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("live view answers %s", resp.Status)
	}
	return nil
}

// say sends a masked frame of less than 126 bytes; the mask is 0.
func (v *viewer) say(first byte, payload []byte) error {
	b := append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	_, err := v.conn.Write(b)
	return err
}

// watch reads until the connection ends.
func (v *viewer) watch() error {
	for {
		op, packed, n, err := v.message()
		if err != nil {
			return err
		}
		at := time.Now()
		switch op {
		case 9: // ping
			err = v.say(0x8A, v.packed[:n])
		case 8:
			return errors.New("the server closed the connection")
		case 1:
			err = v.look(at, v.plain(packed, n))
		}
		if err != nil {
			return err
		}
	}
}

// message reads one message and keeps its first n bytes in v.packed.
func (v *viewer) message() (op byte, packed bool, n int, err error) {
	for first := true; ; first = false {
		var h [2]byte
		if _, err := io.ReadFull(v.r, h[:]); err != nil {
			return 0, false, 0, err
		}
		size := int(h[1] & 0x7F)
		var wide [8]byte
		switch size {
		case 126:
			_, err = io.ReadFull(v.r, wide[:2])
			size = int(binary.BigEndian.Uint16(wide[:]))
		case 127:
			_, err = io.ReadFull(v.r, wide[:])
			size = int(binary.BigEndian.Uint64(wide[:])) //nolint:gosec // a frame is smaller
		}
		if err != nil {
			return 0, false, 0, err
		}
		if first {
			op, packed = h[0]&0x0F, h[0]&0x40 != 0
			n = min(size, headBytes)
			if _, err = io.ReadFull(v.r, v.packed[:n]); err != nil {
				return 0, false, 0, err
			}
			size -= n
		}
		if _, err = v.r.Discard(size); err != nil || h[0]&0x80 != 0 {
			return op, packed, n, err
		}
	}
}

// plain returns the head of the message.
func (v *viewer) plain(packed bool, n int) []byte {
	if !packed {
		return v.packed[:n]
	}
	// Resetting to a reader of bytes has no error; reading ends in one, because the
	// rest of the message is not there.
	_ = v.inflate.(flate.Resetter).Reset(bytes.NewReader(v.packed[:n]), nil)
	m, _ := io.ReadFull(v.inflate, v.head)
	return v.head[:m]
}

func (v *viewer) look(at time.Time, head []byte) error {
	switch {
	case bytes.HasPrefix(head, []byte(`{"t":"d"`)):
		if ts, ok := number(head, `"ts":`); ok && v.seen.recording.Load() {
			v.seen.ages.add(at.Sub(time.UnixMilli(ts)))
		}
	case bytes.HasPrefix(head, []byte(`{"t":"ev"`)):
		if i, ok := number(head, `"device/tilt-`); ok && i < maxTilts {
			v.seen.alerts.add(at.Sub(time.UnixMicro(v.seen.sent[i].Load())))
		}
	case bytes.HasPrefix(head, []byte(`{"t":"snap"`)):
		v.seen.snapshots.Add(1)
	case bytes.HasPrefix(head, []byte(`{"t":"hb"`)):
		now, _ := number(head, `"now":`)
		return v.say(0x81, fmt.Appendf(nil, `{"t":"hb","now":%d}`, now))
	case bytes.HasPrefix(head, []byte(`{"t":"bye"`)), bytes.HasPrefix(head, []byte(`{"t":"err"`)), bytes.HasPrefix(head, []byte(`{"t":"gap"`)):
		return fmt.Errorf("the server says %s", head)
	}
	return nil
}

// number reads the digits behind a key.
func number(head []byte, key string) (int64, bool) {
	at := bytes.Index(head, []byte(key))
	if at < 0 {
		return 0, false
	}
	digits := head[at+len(key):]
	end := 0
	for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(digits[:end]), 10, 64)
	return n, err == nil
}
