package notify_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime"
	"net"
	"net/mail"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/store"
)

// mailbox is a mail server of one conversation.
func mailbox(t *testing.T) (server string, messages chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	messages = make(chan string, 10)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go converse(conn, messages)
		}
	}()
	return ln.Addr().String(), messages
}

// converse speaks as much SMTP as a message needs.
func converse(conn net.Conn, messages chan<- string) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 mail.example ready")
	var all strings.Builder
	data := false
	for lines.Scan() {
		line := lines.Text()
		all.WriteString(line + "\r\n")
		switch {
		case data && line == ".":
			data = false
			messages <- all.String()
			say("250 taken")
		case data:
		case strings.HasPrefix(line, "EHLO"):
			say("250-mail.example")
			say("250 AUTH PLAIN")
		case strings.HasPrefix(line, "AUTH"):
			say("235 hello")
		case strings.HasPrefix(line, "RCPT TO:<gone@"):
			say("550 no such mailbox")
		case line == "DATA":
			data = true
			say("354 go on")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func mailChannel(server string, to ...string) notify.Channel {
	c := channel(notify.Email)
	c.Mail = &notify.Mail{Server: server, Security: notify.NoSecurity, User: "grid", From: "网格中心 <grid@example.com>", To: to}
	return c
}

func TestNotifier_Email(t *testing.T) {
	server, messages := mailbox(t)
	o := newOffice(t, notify.Options{})
	k := o.save(mailChannel(server, "值班 <duty@example.com>", "b@example.com"), notify.Secrets{Secret: "passwort"})
	o.run()
	o.log.add(t, alert("a", 1, store.Critical))
	conversation := wait(t, "mail", messages)
	for _, want := range []string{"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00grid\x00passwort")), "MAIL FROM:<grid@example.com>", "RCPT TO:<duty@example.com>", "RCPT TO:<b@example.com>"} {
		if !strings.Contains(conversation, want) {
			t.Errorf("the conversation lacks %q:\n%s", want, conversation)
		}
	}
	_, text, _ := strings.Cut(conversation, "DATA\r\n")
	m, err := mail.ReadMessage(strings.NewReader(strings.TrimSuffix(text, ".\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "【严重】新告警" {
		t.Errorf("subject is %q, %v", subject, err)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil || !strings.Contains(string(body), "设备 [n1] 测得 92 dB") || !strings.Contains(string(body), "https://grid.example/alerts/a") {
		t.Errorf("body is %q, %v", body, err)
	}
	if err := o.Try(t.Context(), k.ID); err != nil {
		t.Errorf("test: %v", err)
	}
	wait(t, "test mail", messages)
	gone := o.save(mailChannel(server, "gone@example.com"), notify.Secrets{})
	if err := o.Try(t.Context(), gone.ID); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("mail to nobody ends with %v", err)
	}
}
