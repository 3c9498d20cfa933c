package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// TLS says how the encrypted addresses present themselves and whom they trust.
type TLS struct {
	CertFile string // PEM; read again when the file changes
	KeyFile  string
	// ClientCAFile is the authority (PEM) that signs the certificates of devices.
	// The common name of a certificate is the device's name. "" means that
	// certificates are not asked for.
	ClientCAFile string
	// RequireClientCert refuses clients without a certificate. Without Auth a
	// ClientCAFile alone does so, too: there would be nothing else to check.
	RequireClientCert bool
}

func (t TLS) config(auth Authenticator) (*tls.Config, error) {
	k := &keyPair{certFile: t.CertFile, keyFile: t.KeyFile}
	if _, err := k.certificate(nil); err != nil {
		return nil, fmt.Errorf("certificate of the broker: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.certificate}
	if t.ClientCAFile == "" {
		if t.RequireClientCert {
			return nil, errors.New("client certificates are required, but no authority is named that signs them")
		}
		return c, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("authority of client certificates: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authority of client certificates: no certificate in %s", t.ClientCAFile)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if t.RequireClientCert || auth == nil {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// keyPair is a certificate that is read again when its file has changed.
type keyPair struct {
	certFile, keyFile string

	mu      sync.Mutex // guards what follows
	cert    *tls.Certificate
	changed time.Time
}

func (k *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.certFile)
	if err == nil && k.cert != nil && info.ModTime().Equal(k.changed) {
		return k.cert, nil
	}
	if err == nil {
		var cert tls.Certificate
		if cert, err = tls.LoadX509KeyPair(k.certFile, k.keyFile); err == nil {
			k.cert, k.changed = &cert, info.ModTime()
			return k.cert, nil
		}
	}
	if k.cert != nil {
		return k.cert, nil // half a renewal: the old one until the other half is there
	}
	return nil, err
}

// verifiedName is the common name of the client's certificate, "" when it has
// not presented one.
func verifiedName(c net.Conn) string {
	if ws, ok := c.(*wsConn); ok {
		c = ws.Conn
	}
	t, ok := c.(*tls.Conn)
	if !ok {
		return ""
	}
	state := t.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return ""
	}
	return state.PeerCertificates[0].Subject.CommonName
}

// connectPatience is how long a connection may take to say CONNECT, handshakes
// included.
const connectPatience = 10 * time.Second

// listener accepts connections of one address until it is closed.
type listener struct {
	id  string
	ln  net.Listener
	tls *tls.Config  // nil without TLS
	web *http.Server // nil without WebSocket
	log *slog.Logger

	disconnect func() // ends the clients of this listener

	mu     sync.Mutex            // guards what follows
	early  map[net.Conn]struct{} // connections that have not said CONNECT
	closed bool
}

var _ listeners.Listener = (*listener)(nil)

func listen(ctx context.Context, id, addr string, config *tls.Config, log *slog.Logger) (*listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker address (%s): %w", id, err)
	}
	return &listener{id: id, ln: ln, tls: config, log: log, early: map[net.Conn]struct{}{}}, nil
}

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return l.id }
func (l *listener) Address() string         { return l.ln.Addr().String() }
func (l *listener) Protocol() string        { return l.id }

// Serve accepts until Close. What is short for a while, such as file
// descriptors, does not end it.
func (l *listener) Serve(establish listeners.EstablishFn) {
	if l.web != nil {
		l.serveWeb(establish)
		return
	}
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Error("broker cannot accept a connection", "listener", l.id, "error", err)
			time.Sleep(acceptPause)
			continue
		}
		go func() {
			defer l.forget(conn)
			if err := establish(l.id, conn); err != nil {
				l.log.Debug("client connection ended", "listener", l.id, "error", err)
			}
		}()
	}
}

const acceptPause = 100 * time.Millisecond

// Accept gives the connection its deadline for CONNECT. It makes listener a
// net.Listener for the HTTP server.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.ln.Accept()
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(connectPatience)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if l.tls != nil {
		conn = tls.Server(conn, l.tls)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	if l.web == nil {
		l.early[conn] = struct{}{}
	}
	return conn, nil
}

// forget is called when conn has said CONNECT, or nothing.
func (l *listener) forget(conn net.Conn) {
	l.mu.Lock()
	delete(l.early, conn)
	l.mu.Unlock()
}

// Close ends Serve, the clients, and those who have not become clients. It does not
// use the library's way of finding the clients, which locks their list for reading
// twice at once: when a client comes or goes between the two, neither gets on.
func (l *listener) Close(listeners.CloseFn) {
	l.mu.Lock()
	l.closed = true
	for c := range l.early {
		_ = c.Close() // that is the purpose
	}
	l.mu.Unlock()
	_ = l.ln.Close() // it may have been closed before
	l.disconnect()
	if l.web != nil {
		_ = l.web.Close() // connections that became clients are no longer its own
	}
}

// webSocketBuffers are for frames; packets are larger or smaller.
const webSocketBuffers = 1 << 10

// webServer answers the requests that become clients, and those that never do: each
// has as long as CONNECT has, to come, to be answered and to come again. A connection
// that became a client is no longer its own.
func webServer(log *slog.Logger) *http.Server {
	return &http.Server{
		ReadTimeout: connectPatience, WriteTimeout: connectPatience, IdleTimeout: connectPatience,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (l *listener) serveWeb(establish listeners.EstablishFn) {
	upgrader := websocket.Upgrader{
		ReadBufferSize: webSocketBuffers, WriteBufferPool: new(sync.Pool), WriteBufferSize: webSocketBuffers,
		Subprotocols: []string{"mqtt", "mqttv3.1"},
		// Browsers do not decide who may connect: credentials do.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	l.web.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // the upgrader has answered
		}
		defer c.Close() //nolint:errcheck // the client may have gone first
		c.SetReadLimit(maxPacketBytes)
		conn := &wsConn{Conn: c.NetConn(), ws: c}
		l.mu.Lock()
		closed := l.closed
		if !closed {
			l.early[conn] = struct{}{}
		}
		l.mu.Unlock()
		defer l.forget(conn)
		if closed || conn.SetDeadline(time.Now().Add(connectPatience)) != nil {
			return
		}
		if err := establish(l.id, conn); err != nil {
			l.log.Debug("client connection ended", "listener", l.id, "error", err)
		}
	})
	if err := l.web.Serve(webListener{l}); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		l.log.Error("broker's WebSocket address ended", "error", err)
	}
}

// Addr returns the address with the chosen port.
func (l *listener) Addr() net.Addr { return l.ln.Addr() }

// webListener is the listener as HTTP sees it.
type webListener struct{ *listener }

func (w webListener) Close() error { return w.ln.Close() }

var _ net.Listener = webListener{}

// wsConn is a WebSocket as a stream of bytes: packets may span messages, and
// messages packets (MQTT 5, 6). One goroutine reads; writes are serialised by
// the broker.
type wsConn struct {
	net.Conn
	ws *websocket.Conn
	r  io.Reader // of the message that is being read, nil between messages
}

var errNotBinary = errors.New("websocket message is not binary")

func (c *wsConn) Read(p []byte) (int, error) {
	for {
		if c.r == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errNotBinary
			}
			c.r = r
		}
		n, err := c.r.Read(p)
		if errors.Is(err, io.EOF) {
			c.r, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *wsConn) Write(p []byte) (int, error) {
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	if err := c.ws.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetDeadline sets that of reading only: each Write has its own.
func (c *wsConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: each Write has its own.
func (c *wsConn) SetWriteDeadline(time.Time) error { return nil }
