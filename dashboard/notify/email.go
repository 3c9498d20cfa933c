package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// partly says that some recipients were refused and the others have the message.
type partly struct{ err error }

func (p *partly) Error() string { return "delivered, but not to everybody: " + p.err.Error() }
func (p *partly) Unwrap() error { return p.err }

// mailer hands mail in at mail servers.
type mailer struct {
	dialer *net.Dialer
	tls    *tls.Config
}

// send hands a message in, in one connection. Recipients whom the server does not
// know hold up nobody else: the error is partly then.
func (p mailer) send(ctx context.Context, box *Mail, s Secrets, m *message) error {
	host, _, err := splitServer(box.Server)
	if err != nil {
		return &refused{err}
	}
	client, err := p.dial(ctx, box, host)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // after Quit there is nothing left to lose
	if box.User != "" {
		if err := client.Auth(smtp.PlainAuth("", box.User, s.Secret, host)); err != nil {
			return permanent(fmt.Errorf("log in: %w", err))
		}
	}
	rejected, err := envelope(client, box)
	if err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return permanent(fmt.Errorf("begin message: %w", err))
	}
	if _, err := w.Write(mailText(box, m)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := w.Close(); err != nil {
		return permanent(fmt.Errorf("end message: %w", err))
	}
	_ = client.Quit() // the server has taken the message over
	if rejected != nil {
		return &partly{rejected}
	}
	return nil
}

// dial connects, by TLS when the channel says so.
func (p mailer) dial(ctx context.Context, m *Mail, host string) (*smtp.Client, error) {
	config := p.tls.Clone()
	config.ServerName = host
	conn, err := p.dialer.DialContext(ctx, "tcp", m.Server)
	if errors.Is(err, errLocal) {
		return nil, &refused{errLocal}
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	deadline := time.Now().Add(attemptTimeout)
	if until, ok := ctx.Deadline(); ok && until.Before(deadline) {
		deadline = until
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), conn.Close())
	}
	if m.Security == TLS {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("greet: %w", err), conn.Close())
	}
	if m.Security == StartTLS {
		if err := client.StartTLS(config); err != nil {
			return nil, errors.Join(fmt.Errorf("start TLS: %w", err), client.Close())
		}
	}
	return client, nil
}

// envelope says who writes to whom. It returns why the server took some recipients
// not, or an error when none is left.
func envelope(client *smtp.Client, m *Mail) (rejected, err error) {
	if err := client.Mail(bare(m.From)); err != nil {
		return nil, permanent(fmt.Errorf("sender: %w", err))
	}
	taken, later := 0, false
	for _, to := range m.To {
		err := client.Rcpt(bare(to))
		if err == nil {
			taken++
			continue
		}
		err = fmt.Errorf("recipient %s: %w", to, err)
		var answer *textproto.Error
		if !errors.As(err, &answer) {
			return nil, err // the server is gone
		}
		later = later || answer.Code < 500
		rejected = errors.Join(rejected, err)
	}
	switch {
	case taken > 0:
		return rejected, nil
	case later: // it may take some of them another time
		return nil, rejected
	}
	return nil, &refused{rejected}
}

// bare is an address without its name.
func bare(address string) string {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return address // check has refused it
	}
	return a.Address
}

// permanent marks what a server answered with 5xx: it would again.
func permanent(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return &refused{err}
	}
	return err
}

// mailText is the message as RFC 5322 has it. Its id is the same for every attempt,
// so that a mailbox can tell a message that came twice.
func mailText(box *Mail, m *message) []byte {
	var b strings.Builder
	head := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	head("From", headerAddress(box.From))
	to := make([]string, len(box.To))
	for i, a := range box.To {
		to[i] = headerAddress(a)
	}
	head("To", strings.Join(to, ", "))
	head("Subject", mime.BEncoding.Encode("utf-8", m.title))
	head("Date", m.sentAt.Format(time.RFC1123Z))
	_, domain, _ := strings.Cut(bare(box.From), "@")
	head("Message-ID", "<urbangrid-"+m.id+"@"+domain+">")
	head("Auto-Submitted", "auto-generated")
	head("MIME-Version", "1.0")
	head("Content-Type", "text/plain; charset=utf-8")
	head("Content-Transfer-Encoding", "base64")
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(m.text(), "\n", "\r\n") + "\r\n"))
	const line = 76
	for len(text) > line {
		b.WriteString(text[:line] + "\r\n")
		text = text[line:]
	}
	b.WriteString(text + "\r\n")
	return []byte(b.String())
}

// headerAddress writes an address so that no name can begin a header of its own.
func headerAddress(address string) string {
	a, err := mail.ParseAddress(address)
	if err != nil {
		return "<>" // check has refused it
	}
	return a.String()
}
