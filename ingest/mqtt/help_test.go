package mqtt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
)

func retain(t *testing.T, m *mosquitto.Broker, topic string, payload []byte) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(m.URL()).SetClientID("retainer"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(250)
	if token := c.Publish(topic, 1, true, payload); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
}

// certs are files with a certificate authority and what it has signed.
type certs struct {
	ca, serverCert, serverKey, clientCert, clientKey string
}

func newCerts(t *testing.T) certs {
	t.Helper()
	dir := t.TempDir()
	caKey, caCert := key(t), template("test authority")
	caCert.IsCA, caCert.BasicConstraintsValid, caCert.KeyUsage = true, true, x509.KeyUsageCertSign
	c := certs{ca: filepath.Join(dir, "ca.pem")}
	writeCert(t, c.ca, caCert, caCert, caKey, caKey)
	issue := func(name string, usage x509.ExtKeyUsage) (string, string) {
		k, cert := key(t), template(name)
		cert.ExtKeyUsage = []x509.ExtKeyUsage{usage}
		cert.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		certFile, keyFile := filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
		writeCert(t, certFile, cert, caCert, k, caKey)
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		write(t, keyFile, "PRIVATE KEY", der)
		return certFile, keyFile
	}
	c.serverCert, c.serverKey = issue("server", x509.ExtKeyUsageServerAuth)
	c.clientCert, c.clientKey = issue("reader", x509.ExtKeyUsageClientAuth)
	return c
}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func writeCert(t *testing.T, file string, cert, parent *x509.Certificate, k, parentKey *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &k.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, "CERTIFICATE", der)
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
