package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// target is what a broker URL says.
type target struct {
	scheme      string // mqtt, mqtts, ws, wss
	host        string // host:port
	name        string // host
	path        string // of ws and wss
	user        string
	group       string
	instance    int
	connections int
	qos         byte
	topics      []string
}

const maxConnections = 64

var errURL = errors.New("broker URL is not understood: want mqtts://host:8883?group=NAME&topics=FILTER,FILTER (in a URL # is written %23)")

var ports = map[string]string{"mqtt": "1883", "mqtts": "8883", "ws": "80", "wss": "443"}

// parse never quotes its input in an error: it may contain a password.
func parse(raw string) (target, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || strings.Contains(raw, "#") {
		return target{}, errURL
	}
	t := target{scheme: u.Scheme, name: u.Hostname(), path: u.EscapedPath(), user: u.User.Username(), connections: 1, qos: 1}
	port, ok := ports[u.Scheme]
	if !ok {
		return target{}, fmt.Errorf("broker URL has scheme %q: want mqtt, mqtts, ws or wss", u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	t.host = net.JoinHostPort(t.name, port)
	if _, has := u.User.Password(); has {
		return target{}, errors.New("broker URL contains a password: URLs end up in logs and process lists, give it by a file or the environment instead")
	}
	if t.path != "" && t.path != "/" && !strings.HasPrefix(t.scheme, "ws") {
		return target{}, errURL
	}
	// A + is a wildcard of topics here, not a space.
	q, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B"))
	if err != nil {
		return target{}, errURL
	}
	return t, t.query(q)
}

func (t *target) query(q url.Values) error {
	for name, values := range q {
		v := values[len(values)-1]
		var err error
		switch name {
		case "group":
			t.group = v
			if strings.ContainsAny(v, "/+#\x00") {
				err = errors.New("contains one of / + #")
			}
		case "connections":
			t.connections, err = number(v, 1, maxConnections)
		case "instance":
			t.instance, err = number(v, 0, 9999)
		case "qos":
			var n int
			n, err = number(v, 0, 2)
			t.qos = byte(n)
		case "topics":
			t.topics = strings.Split(v, ",")
		default:
			err = errors.New("is not a known parameter")
		}
		if err != nil {
			return fmt.Errorf("broker URL: %.40q %w", name, err)
		}
	}
	if t.group == "" && t.connections > 1 {
		return fmt.Errorf("broker URL asks for %d connections without a group: each would read everything", t.connections)
	}
	return nil
}

func number(v string, least, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("is not a number from %d to %d", least, most)
	}
	return n, nil
}

// clientID is stable, so that the broker recognises its session after a restart
// of this process: one for each connection of each instance of a group.
func (t *target) clientID(connection int) string {
	group := t.group
	if group == "" {
		group = "reader"
	}
	return fmt.Sprintf("urbangrid-%s-%d-%d", group, t.instance, connection)
}

// shared is the filter as a member of the group subscribes to it.
func (t *target) shared(filter string) string {
	if t.group == "" {
		return filter
	}
	return "$share/" + t.group + "/" + filter
}

func tlsConfig(t target, opts Options) (*tls.Config, error) {
	if t.scheme == "mqtt" || t.scheme == "ws" {
		if opts.CAFile != "" || opts.CertFile != "" || opts.KeyFile != "" {
			return nil, fmt.Errorf("broker has scheme %s, which has no use for certificates: want mqtts or wss", t.scheme)
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: opts.ServerName}
	if c.ServerName == "" {
		c.ServerName = t.name
	}
	if opts.CAFile != "" {
		pem, err := os.ReadFile(opts.CAFile)
		if err != nil {
			return nil, fmt.Errorf("certificate authority of the broker: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authority of the broker: no certificate in %s", opts.CAFile)
		}
	}
	if opts.CertFile != "" || opts.KeyFile != "" {
		// Read at each handshake: a renewed certificate is used without a restart.
		read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(opts.CertFile, opts.KeyFile)
			return &cert, err
		}
		if _, err := read(nil); err != nil {
			return nil, fmt.Errorf("client certificate for the broker: %w", err)
		}
		c.GetClientCertificate = read
	}
	return c, nil
}

func (s *Source) password() (string, error) {
	if s.opts.PasswordFile == "" {
		return s.opts.Password, nil
	}
	b, err := os.ReadFile(s.opts.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password for the broker: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
