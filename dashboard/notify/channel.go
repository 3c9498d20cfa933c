// Package notify tells people of alerts where they look anyway: other systems by
// webhook, mailboxes by SMTP, and the robots of WeCom, DingTalk and Feishu.
//
// A Notifier follows the log of alert changes. What a channel wants goes to a queue
// in the records, so that nothing is lost or sent twice over a restart; each message
// is tried again with growing pauses, and is dead when no attempt is left. One that is
// not to be sent any more when its turn comes is withheld: its channel is off or quiet,
// or its alert is closed or muted.
package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Type is how a channel reaches people.
type Type string

// The types of channels.
const (
	Webhook  Type = "webhook"  // JSON with a signature, to a system
	Email    Type = "email"    // SMTP
	WeCom    Type = "wecom"    // robot of a group (企业微信群机器人)
	DingTalk Type = "dingtalk" // robot of a group (钉钉自定义机器人)
	Feishu   Type = "feishu"   // robot of a group (飞书自定义机器人)
)

// Types are all types.
var Types = [...]Type{Webhook, Email, WeCom, DingTalk, Feishu}

// Lang is the language of messages.
type Lang string

// The languages.
const (
	ZH Lang = "zh"
	EN Lang = "en"
)

// Channel is one way to people, without its secrets.
type Channel struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	On   bool   `json:"on"`
	Lang Lang   `json:"lang"`
	// Host is what may be shown of the address: robots have their key in it.
	Host string `json:"host"`
	Mail *Mail  `json:"mail,omitempty"` // of an e-mail channel

	Severity store.Severity  `json:"severity"` // the mildest that is told
	Areas    []grid.AreaCode `json:"areas"`    // and those within them; none means all
	Quality  bool            `json:"quality"`  // alerts about sensors and data too
	Quiet    *Quiet          `json:"quiet,omitempty"`
	// Page is where people find this UrbanGrid, for links to alerts; "" means that
	// messages have none.
	Page string `json:"page"`
}

// Mail is where e-mail is handed in, and whose it is.
type Mail struct {
	Server   string   `json:"server"` // host:port
	Security Security `json:"security"`
	User     string   `json:"user"` // "" logs in as nobody
	From     string   `json:"from"`
	To       []string `json:"to"`
}

// Security is how the connection to a mail server is kept private.
type Security string

// The ways; NoSecurity never sends a password but to this machine.
const (
	StartTLS   Security = "starttls"
	TLS        Security = "tls"
	NoSecurity Security = "none"
)

// Quiet is a stretch of every day, in the district's zone, in which nothing is sent.
// What happens then is not sent later.
type Quiet struct {
	From     string `json:"from"` // "22:00"
	To       string `json:"to"`   // "07:00", not included; before From it is of the next day
	Critical bool   `json:"critical"`
}

// Secrets are what is written and never shown. Empty ones stay as they were.
type Secrets struct {
	URL    string // of a webhook or robot
	Secret string // key of signatures, or the password of mail
}

// ErrInvalid marks a channel that can never work. Its text says what is wrong and is
// fit for the person who asked.
var ErrInvalid = errors.New("channel is not complete")

// check returns an ErrInvalid that joins every fault.
func (c *Channel) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(strings.TrimSpace(c.Name) == "", "a name is missing")
	fault(!slices.Contains(Types[:], c.Type), "type %q is none of webhook, email, wecom, dingtalk, feishu", c.Type)
	fault(c.Lang != ZH && c.Lang != EN, "language %q is neither zh nor en", c.Lang)
	fault(c.Severity != store.Notice && c.Severity != store.Warning && c.Severity != store.Critical, "severity %q is none of notice, warning, critical", c.Severity)
	fault((c.Type == Email) != (c.Mail != nil), "a mail server belongs to an e-mail channel, and to no other")
	if c.Mail != nil {
		faults = append(faults, c.Mail.faults()...)
	}
	if c.Quiet != nil {
		_, err := minuteOf(c.Quiet.From)
		_, err2 := minuteOf(c.Quiet.To)
		faults = append(faults, err, err2)
		fault(c.Quiet.From == c.Quiet.To, "quiet hours begin when they end")
	}
	if c.Page != "" {
		u, err := url.Parse(c.Page)
		fault(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https", "page %q is no address like https://grid.example", c.Page)
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func (m *Mail) faults() []error {
	var faults []error
	if _, _, err := splitServer(m.Server); err != nil {
		faults = append(faults, err)
	}
	if m.Security != StartTLS && m.Security != TLS && m.Security != NoSecurity {
		faults = append(faults, fmt.Errorf("security %q is none of starttls, tls, none", m.Security))
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		faults = append(faults, fmt.Errorf("sender %q is no mail address", m.From))
	}
	if len(m.To) == 0 {
		faults = append(faults, errors.New("a recipient is missing"))
	}
	for _, to := range m.To {
		if _, err := mail.ParseAddress(to); err != nil {
			faults = append(faults, fmt.Errorf("recipient %q is no mail address", to))
		}
	}
	return faults
}

func splitServer(server string) (host string, port int, err error) {
	host, text, found := strings.Cut(server, ":")
	port, err = strconv.Atoi(text)
	if !found || host == "" || err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("mail server %q is not of the form host:port", server)
	}
	return host, port, nil
}

// checkURL returns what may be shown of an address, or an ErrInvalid.
func checkURL(address string) (host string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%w: the address is not like https://host/path", ErrInvalid)
	}
	return u.Scheme + "://" + u.Host, nil
}

// minuteOf reads "22:00" as minutes of the day.
func minuteOf(clock string) (int, error) {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day like 22:00", clock)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// at reports whether a time of the district lies in q.
func (q *Quiet) at(t time.Time) bool {
	from, err := minuteOf(q.From)
	to, err2 := minuteOf(q.To)
	if err != nil || err2 != nil {
		return false
	}
	minute := t.Hour()*60 + t.Minute()
	if from < to {
		return from <= minute && minute < to
	}
	return minute >= from || minute < to
}

// quietAt reports whether an alert of a severity is not told at a time of the district.
func (c *Channel) quietAt(t time.Time, s store.Severity) bool {
	return c.Quiet != nil && c.Quiet.at(t) && (!c.Quiet.Critical || s != store.Critical)
}

// wants reports whether a channel is told of an alert.
func (c *Channel) wants(a *store.Alert) bool {
	if !c.On || rank(a.Severity) < rank(c.Severity) || a.Category == store.AboutQuality && !c.Quality {
		return false
	}
	return len(c.Areas) == 0 || slices.ContainsFunc(c.Areas, func(area grid.AreaCode) bool { return store.AreaWithin(a.Area, area) })
}

func rank(s store.Severity) int {
	return slices.Index([]store.Severity{store.Notice, store.Warning, store.Critical}, s)
}
