package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	journalStream  = "URBANGRID_JOURNAL"
	journalSubject = "urbangrid.journal"

	// duplicateWindow is how long the server remembers entry names, and so how
	// long an append whose answer was lost may be tried again.
	duplicateWindow = 10 * time.Minute

	// readAheadBytes and readAheadEntries bound what a follower holds that its reader
	// has not taken. The client makes room for so many entries at once, and by itself
	// for a million: 8 MB for each follower.
	readAheadBytes   = 16 << 20
	readAheadEntries = 4096

	// publishTimeout is how long one try of an append waits for its answer.
	publishTimeout = 15 * time.Second
)

// Journal is the write-ahead log of observations. It is safe for concurrent use.
type Journal struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	epoch  string
	log    *slog.Logger

	mu  sync.Mutex // guards enc
	enc encoder
}

// Journal opens the journal, making it when it is not there.
func (b *Bus) Journal(ctx context.Context) (*Journal, error) {
	s, epoch, err := b.open(ctx, jetstream.StreamConfig{
		Name:       journalStream,
		Subjects:   []string{journalSubject},
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew, // full is backpressure, never loss
		MaxBytes:   b.opts.JournalMaxBytes,
		Duplicates: duplicateWindow,
		Replicas:   b.opts.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Journal{js: b.js, stream: s, epoch: epoch, log: b.log}, nil
}

// Identity names this journal for as long as it exists; one made anew has
// another identity and starts at 1.
func (j *Journal) Identity() string { return j.epoch }

// NewName returns a name for an entry that no other entry has.
func NewName() string { return nuid.Next() }

// Append commits one entry and returns its number; Seq and At of e are ignored,
// and e stays the caller's. A nil error means that it is
// on disk (on a cluster: on a majority of disks). After an error it may or may
// not be; appending it again under the same name within ten minutes commits it
// once. Errors: ErrFull, the context's, others that may pass.
func (j *Journal) Append(ctx context.Context, name string, e Entry) (uint64, error) {
	j.mu.Lock()
	data := append([]byte(nil), j.enc.encode(e.Observations, e.Rejects, e.Health)...)
	j.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: journalSubject, Data: data, Header: nats.Header{jetstream.MsgIDHeader: {name}}}
	ack, err := j.js.PublishMsg(ctx, msg)
	if err != nil {
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == codeStreamStoreFailed {
			return 0, fmt.Errorf("append %d observations: %w: %w", len(e.Observations), ErrFull, err)
		}
		return 0, fmt.Errorf("append %d observations: %w", len(e.Observations), err)
	}
	return ack.Sequence, nil
}

// codeStreamStoreFailed is JetStream's JSStreamStoreFailedF: limits reached, no
// space left, or another failure of the store underneath.
const codeStreamStoreFailed = 10077

// Last returns the number of the newest entry, 0 when there is none.
func (j *Journal) Last(ctx context.Context) (uint64, error) {
	st, err := state(ctx, j.js, journalStream)
	return st.LastSeq, err
}

// First returns the number of the oldest entry that is still there, one more
// than Last when there is none.
func (j *Journal) First(ctx context.Context) (uint64, error) {
	st, err := state(ctx, j.js, journalStream)
	return max(st.FirstSeq, 1), err
}

// Bytes returns how much the journal holds.
func (j *Journal) Bytes(ctx context.Context) (uint64, error) {
	st, err := state(ctx, j.js, journalStream)
	return st.Bytes, err
}

// state asks for the state of a stream. It looks the stream up anew each time:
// Info of one that is shared is not safe for concurrent use.
func state(ctx context.Context, js jetstream.JetStream, name string) (jetstream.StreamState, error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("state of %s: %w", name, err)
	}
	return s.CachedInfo().State, nil
}

// SeqAt returns the number of the last entry committed before t, 0 when there
// is none.
func (j *Journal) SeqAt(ctx context.Context, t time.Time) (uint64, error) {
	st, err := state(ctx, j.js, journalStream)
	if err != nil {
		return 0, err
	}
	switch {
	case st.Msgs == 0 || st.LastTime.Before(t):
		return st.LastSeq, nil
	case !st.FirstTime.Before(t):
		return st.FirstSeq - 1, nil
	}
	c, err := j.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &t,
		HeadersOnly:       true,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: time.Minute,
		MemoryStorage:     true,
	})
	if err != nil {
		return 0, fmt.Errorf("find journal entry at %s: %w", t.Format(time.RFC3339), err)
	}
	msg, err := c.Next(jetstream.FetchMaxWait(publishTimeout))
	if err != nil {
		return 0, fmt.Errorf("find journal entry at %s: %w", t.Format(time.RFC3339), err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return 0, fmt.Errorf("find journal entry at %s: %w", t.Format(time.RFC3339), err)
	}
	return meta.Sequence.Stream - 1, nil
}

// Trim removes entries up to and including seq. What every reader has in its
// result may be trimmed; the rest of the journal is still its memory.
func (j *Journal) Trim(ctx context.Context, seq uint64) error {
	if err := j.stream.Purge(ctx, jetstream.WithPurgeSequence(seq+1)); err != nil {
		return fmt.Errorf("trim journal to %d: %w", seq, err)
	}
	return nil
}

// Follow sends the entries after the given number to out, in order, each once,
// first those that are there and then new ones as they are committed. It blocks
// while out is full, and holds at most a few entries ahead. It returns when ctx
// ends, with ctx's error, or when the journal cannot be read any further. It
// does not close out.
func (j *Journal) Follow(ctx context.Context, after uint64, out chan<- Entry) error {
	var dec decoder
	next := after + 1
	return follow(ctx, j.stream, after, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		if next != meta.Sequence.Stream && after != 0 {
			j.log.Warn("journal entries were trimmed before they were read",
				"wanted_seq", next, "got_seq", meta.Sequence.Stream)
		}
		next = meta.Sequence.Stream + 1
		e, err := dec.decode(msg.Data())
		if err != nil {
			return fmt.Errorf("read journal entry %d: %w", meta.Sequence.Stream, err)
		}
		e.Seq, e.At = meta.Sequence.Stream, meta.Timestamp
		select {
		case out <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// follow calls each for every message after the given number until ctx ends.
func follow(ctx context.Context, s jetstream.Stream, after uint64, each func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   after + 1,
	})
	if err != nil {
		return fmt.Errorf("follow after %d: %w", after, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(readAheadEntries, readAheadBytes))
	if err != nil {
		return fmt.Errorf("follow after %d: %w", after, err)
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	for {
		msg, err := it.Next()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("follow: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		if err := each(msg, meta); err != nil {
			return err
		}
	}
}
