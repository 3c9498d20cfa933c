// Package brokerbench measures what the broker costs. Each measurement runs the
// broker in a process of its own, so that what its clients need is not counted.
package brokerbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// childVariable in the environment makes a process the measured broker.
const childVariable = "URBANGRID_BROKERBENCH_CHILD"

// Child serves the broker and returns true when this process was started by a
// measurement; otherwise it returns false at once. The main function of every
// program that measures calls it first and ends when it has returned true.
func Child() (bool, error) {
	if os.Getenv(childVariable) == "" {
		return false, nil
	}
	if _, err := raiseFiles(childFiles); err != nil {
		return true, err
	}
	b, err := broker.Listen(context.Background(), "127.0.0.1:0", deaf{}, broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return true, err
	}
	if _, err := fmt.Fprintln(os.Stdout, b.Addr()); err != nil {
		return true, errors.Join(err, b.Close())
	}
	_, err = io.Copy(io.Discard, os.Stdin) // until the measurement lets go
	return true, errors.Join(err, b.Close())
}

// childFiles is what the broker's process asks for.
const childFiles = 1 << 17

// deaf is an intake for clients that say nothing.
type deaf struct{}

func (deaf) Accepts(string) bool   { return false }
func (deaf) Submit(ingest.Message) {}

// Idle is what idle connections cost the broker.
type Idle struct {
	Connections int           // fewer than asked for where the system allows no more
	EmptyRSSMB  float64       // resident memory of the broker before the first connection
	RSSMB       float64       // with all of them
	Took        time.Duration // until all were connected
}

// BytesPerConnection is what one connection adds, without what the kernel keeps
// for it.
func (i Idle) BytesPerConnection() float64 {
	return (i.RSSMB - i.EmptyRSSMB) * 1e6 / float64(i.Connections)
}

// RSSMBAt is the resident memory that n connections take, by what was measured.
func (i Idle) RSSMBAt(n int) float64 {
	return i.EmptyRSSMB + float64(n)*i.BytesPerConnection()/1e6
}

// settle is how long the connections stay idle before the memory is read: long
// enough for the broker's rounds over all clients and for a collection.
const settle = 5 * time.Second

// MeasureIdle connects n idle clients to a broker in a process of its own and
// reads the broker's resident memory (MB, 10⁶ bytes). It works on Linux. Both
// ends need a file descriptor for each connection; where the system gives fewer,
// as many as there are connect, which Idle.Connections tells.
func MeasureIdle(ctx context.Context, n int) (result Idle, err error) {
	files, err := raiseFiles(n + otherFiles)
	if err != nil {
		return Idle{}, err
	}
	n = min(n, files-otherFiles)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, addr, release, err := startChild(ctx)
	if err != nil {
		return Idle{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if result.EmptyRSSMB, err = residentMB(cmd.Process.Pid); err != nil {
		return result, err
	}
	began := time.Now()
	conns, err := connect(ctx, addr, n)
	defer func() {
		for _, c := range conns {
			_ = c.Close() // nothing is left to lose
		}
	}()
	if err != nil {
		return result, err
	}
	result.Connections, result.Took = n, time.Since(began)
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return result, ctx.Err()
	}
	// The first and the last are still served.
	for _, c := range []*mqttraw.Conn{conns[0], conns[n-1]} {
		c.Ping()
		if err := c.Flush(); err != nil {
			return result, fmt.Errorf("idle connection: %w", err)
		}
		if p, err := c.Read(); err != nil || p.Type != mqttraw.Pingresp {
			return result, fmt.Errorf("idle connection: answer to a ping is type %d, %w", p.Type, err)
		}
	}
	result.RSSMB, err = residentMB(cmd.Process.Pid)
	return result, err
}

func startChild(ctx context.Context) (cmd *exec.Cmd, addr string, release func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", nil, fmt.Errorf("start broker process: %w", err)
	}
	cmd = exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, "", nil, fmt.Errorf("start broker process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, fmt.Errorf("start broker process: %w", err)
	}
	release = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	addr, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", nil, errors.Join(fmt.Errorf("broker process did not say its address: %w", err), release())
	}
	return cmd, strings.TrimSpace(addr), release, nil
}

const connecting = 64 // connections being opened at once

func connect(ctx context.Context, addr string, n int) ([]*mqttraw.Conn, error) {
	conns := make([]*mqttraw.Conn, n)
	errs := make([]error, connecting)
	var wg sync.WaitGroup
	for w := range connecting {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += connecting {
				conns[i], _, errs[w] = mqttraw.Dial(ctx, addr, mqttraw.Options{ClientID: "idle-" + strconv.Itoa(i), BufferBytes: 64, KeepAlive: 600})
			}
		})
	}
	wg.Wait()
	open := conns[:0]
	for _, c := range conns {
		if c != nil {
			open = append(open, c)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return open, fmt.Errorf("%d of %d connections: %w", len(open), n, err)
	}
	return open, nil
}

// residentMB reads how much memory of a process is resident.
func residentMB(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of the broker process: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 64)
			return n * 1024 / 1e6, err
		}
	}
	return 0, errors.New("memory of the broker process: no VmRSS")
}

// otherFiles are for all that is not a connection.
const otherFiles = 64

// raiseFiles raises the limit of open files to want or as far as it goes, and
// returns what it is then.
func raiseFiles(want int) (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("limit of open files: %w", err)
	}
	if higher := uint64(want); l.Max < higher { //nolint:gosec // want is positive
		// Needs the right to raise it; without, what there is must do.
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: higher, Max: higher}) == nil {
			return want, nil
		}
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("limit of open files: %w", err)
	}
	return int(min(l.Cur, math.MaxInt32)), nil //nolint:gosec // bounded in the same line
}
