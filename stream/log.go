package stream

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Log is a numbered, durable stream of small events that many can follow, each
// from where it left off. It is safe for concurrent use.
type Log struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	name    string // of the stream
	subject string
	epoch   string
}

// Log opens the log of that name (lower-case letters), making it when it is not
// there.
func (b *Bus) Log(ctx context.Context, name string) (*Log, error) {
	subject := "urbangrid.log." + name
	streamName := "URBANGRID_LOG_" + strings.ToUpper(name)
	s, epoch, err := b.open(ctx, jetstream.StreamConfig{
		Name:       streamName,
		Subjects:   []string{subject},
		Storage:    jetstream.FileStorage,
		MaxAge:     b.opts.LogMaxAge,
		Duplicates: duplicateWindow,
		Replicas:   b.opts.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", name, err)
	}
	return &Log{js: b.js, stream: s, name: streamName, subject: subject, epoch: epoch}, nil
}

// Epoch names this log for as long as it exists; one made anew has another
// epoch and starts at 1.
func (l *Log) Epoch() string { return l.epoch }

// Publish appends an event and returns its number. A nil error means that it is
// on disk. The same id within ten minutes is one event.
func (l *Log) Publish(ctx context.Context, id string, payload []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: l.subject, Data: payload, Header: nats.Header{jetstream.MsgIDHeader: {id}}}
	ack, err := l.js.PublishMsg(ctx, msg)
	if err != nil {
		return 0, fmt.Errorf("publish event %s: %w", id, err)
	}
	return ack.Sequence, nil
}

// Last returns the number of the newest event, 0 when there is none.
func (l *Log) Last(ctx context.Context) (uint64, error) {
	st, err := state(ctx, l.js, l.name)
	return st.LastSeq, err
}

// Follow sends the events after the given number to out, as Journal.Follow does
// with entries.
func (l *Log) Follow(ctx context.Context, after uint64, out chan<- Event) error {
	return follow(ctx, l.stream, after, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		e := Event{Seq: meta.Sequence.Stream, At: meta.Timestamp, Payload: msg.Data()}
		select {
		case out <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
