package mqttpub

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

type broker struct {
	url  string // for paho, without credentials
	host string // host:port
	user string
}

var errBrokerURL = errors.New("broker URL is not understood: want mqtt://host:1883, tcp://host:1883 or mqtts://host:8883")

// parseBroker never quotes its input in an error: it may contain a password.
func parseBroker(raw string) (broker, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return broker{}, errBrokerURL
	}
	var port string
	switch u.Scheme {
	case "mqtt", "tcp":
		port = "1883"
	case "mqtts":
		port = "8883"
	default:
		return broker{}, fmt.Errorf("broker URL has scheme %q: want mqtt, tcp or mqtts", u.Scheme)
	}
	if _, has := u.User.Password(); has {
		return broker{}, errors.New("broker URL contains a password: URLs end up in logs and process lists, give it by the environment instead")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return broker{}, errBrokerURL
	}
	host := net.JoinHostPort(u.Hostname(), port)
	return broker{url: u.Scheme + "://" + host, host: host, user: u.User.Username()}, nil
}
