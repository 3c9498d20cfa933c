package main

import (
	"context"
	"errors"
	"os"

	"github.com/urbangrid/urbangrid/ingest/auth"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/ingest/mqtt"
	"github.com/urbangrid/urbangrid/sensors"
)

// listenMQTT opens where observations come from: the embedded broker, or a
// reader of another one.
func (s *server) listenMQTT(ctx context.Context) error {
	addr, embedded, err := s.cfg.mqttAddr()
	if err != nil {
		return err
	}
	if !embedded {
		s.reader, err = mqtt.Open(ctx, s.cfg.Broker, s.intake, mqtt.Options{
			Filters: s.formats.filters, Ordered: s.formats.ordered,
			Username: s.cfg.BrokerUser, Password: os.Getenv("URBANGRID_BROKER_PASSWORD"), PasswordFile: s.cfg.BrokerPassword,
			CAFile: s.cfg.BrokerCA, CertFile: s.cfg.BrokerCert, KeyFile: s.cfg.BrokerKey,
			Logger: s.log, Registerer: s.reg,
		})
		return err
	}
	opts := broker.Options{
		TLSAddr: s.cfg.MQTTTLS, WebSocketAddr: s.cfg.MQTTWebSocket, WebSocketTLSAddr: s.cfg.MQTTWSS,
		TLS:    broker.TLS{CertFile: s.cfg.TLSCert, KeyFile: s.cfg.TLSKey, ClientCAFile: s.cfg.TLSClientCA},
		Logger: s.log, Registerer: s.reg,
	}
	if s.cfg.MQTTAuth == "required" {
		a := auth.New(s.records, auth.Options{Logger: s.log, Registerer: s.reg})
		opts.Auth = authenticator{a}
		opts.Certificate = s.certified
	}
	s.broker, err = broker.Listen(ctx, addr, s.intake, opts)
	return err
}

// authenticator makes the principals of package auth those that the broker asks
// for.
type authenticator struct{ *auth.Authenticator }

func (a authenticator) Authenticate(user string, password []byte) (broker.Principal, bool) {
	p, ok := a.Authenticator.Authenticate(user, password)
	return p, ok
}

// certified is who a client certificate stands for: the device of its common
// name, when the register knows it.
func (s *server) certified(name string) (broker.Principal, bool) {
	id := sensors.DeviceID(name)
	return auth.Principal{User: name, Device: id}, s.register.known(id)
}

// disconnect ends the connections of a user whose password has changed.
func (s *server) disconnect(user string) {
	if s.broker != nil {
		s.broker.DisconnectUser(user)
	}
}

// publish sends a format's command to where its devices listen.
func (s *server) publish(topic string, payload []byte) error {
	switch {
	case s.broker != nil:
		return s.broker.Publish(topic, payload)
	case s.reader != nil:
		return s.reader.Publish(topic, payload)
	}
	return errors.New("the broker is not open yet")
}

// sourceReady returns nil while messages can come in.
func (s *server) sourceReady(ctx context.Context) error {
	if err := s.intake.Ready(ctx); err != nil {
		return err
	}
	if s.reader != nil {
		return s.reader.Ping(ctx)
	}
	return nil
}

// closeSource ends whatever listenMQTT opened.
func (s *server) closeSource() error {
	switch {
	case s.broker != nil:
		return s.broker.Close()
	case s.reader != nil:
		return s.reader.Close()
	}
	return nil
}
