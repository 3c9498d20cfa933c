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

// sendEmail hands a message in at a mail server, in one connection.
func sendEmail(ctx context.Context, roots *tls.Config, c *Channel, s Secrets, m *message) error {
	host, _, err := splitServer(c.Mail.Server)
	if err != nil {
		return &refused{err}
	}
	client, err := dialMail(ctx, c.Mail, host, roots)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // after Quit there is nothing left to lose
	if c.Mail.User != "" {
		if err := client.Auth(smtp.PlainAuth("", c.Mail.User, s.Secret, host)); err != nil {
			return permanent(fmt.Errorf("log in: %w", err))
		}
	}
	if err := envelope(client, c.Mail); err != nil {
		return permanent(err)
	}
	w, err := client.Data()
	if err != nil {
		return permanent(fmt.Errorf("begin message: %w", err))
	}
	if _, err := w.Write(mailText(c.Mail, m)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := w.Close(); err != nil {
		return permanent(fmt.Errorf("end message: %w", err))
	}
	_ = client.Quit() // the server has taken the message over
	return nil
}

// dialMail connects, by TLS when the channel says so.
func dialMail(ctx context.Context, m *Mail, host string, roots *tls.Config) (*smtp.Client, error) {
	config := roots.Clone()
	config.ServerName = host
	dialer := &net.Dialer{Timeout: attemptTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", m.Server)
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

func envelope(client *smtp.Client, m *Mail) error {
	if err := client.Mail(bare(m.From)); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	for _, to := range m.To {
		if err := client.Rcpt(bare(to)); err != nil {
			return fmt.Errorf("recipient %s: %w", to, err)
		}
	}
	return nil
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
