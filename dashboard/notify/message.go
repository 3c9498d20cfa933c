package notify

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// Event is what happened to an alert.
type Event string

// The events that people are told of.
const (
	Raised Event = "raised"
	Risen  Event = "risen" // to a worse severity
	Tried  Event = "test"  // nothing happened: somebody tries the channel

	// unmuted is what those are told as Raised from whom it was withheld because the
	// alert was muted.
	unmuted Event = "unmuted"
)

// message is what a channel says.
type message struct {
	event   Event
	title   string
	lines   []string
	link    string // "" for none
	alert   store.Alert
	payload []byte // the alert in the form of the alert log
	sentAt  time.Time
	id      string // the same for every attempt
}

var severityNames = map[store.Severity][2]string{
	store.Notice: {"提示", "Notice"}, store.Warning: {"警告", "Warning"}, store.Critical: {"严重", "Critical"},
}

// compose writes what a channel says of an event.
func compose(c *Channel, event Event, a store.Alert, zone *time.Location) message {
	pick := func(zh, en string) string {
		if c.Lang == EN {
			return en
		}
		return zh
	}
	m := message{event: event, alert: a}
	if event == Tried {
		m.title = pick("【测试】UrbanGrid 通知渠道", "[Test] UrbanGrid notification channel")
		m.lines = []string{pick("渠道“"+c.Name+"”工作正常。", "The channel “"+c.Name+"” works.")}
		return m
	}
	names := severityNames[a.Severity]
	what := pick("新告警", "new alert")
	if event == Risen {
		what = pick("告警升级", "alert has become worse")
	}
	m.title = fmt.Sprintf(pick("【%s】%s", "[%s] %s"), pick(names[0], names[1]), what)
	m.lines = []string{pick(a.Reason.ZH, a.Reason.EN), pick("时间：", "Time: ") + a.UpdatedAt.In(zone).Format("2006-01-02 15:04:05 -07:00")}
	if a.Area != "" {
		m.lines = append(m.lines, pick("区域：", "Area: ")+string(a.Area))
	}
	if c.Page != "" {
		m.link = strings.TrimSuffix(c.Page, "/") + "/alerts/" + url.PathEscape(a.ID)
	}
	return m
}

// text is the message without its title, with the link.
func (m *message) text() string {
	if m.link == "" {
		return strings.Join(m.lines, "\n")
	}
	return strings.Join(m.lines, "\n") + "\n" + m.link
}

// markdown is the message for robots that understand it. What devices and people
// wrote must not become formatting.
func (m *message) markdown() string {
	var b strings.Builder
	b.WriteString("### " + plain(m.title) + "\n")
	for _, line := range m.lines {
		b.WriteString("\n> " + plain(line) + "\n")
	}
	if m.link != "" {
		fmt.Fprintf(&b, "\n[UrbanGrid](%s)\n", m.link)
	}
	return b.String()
}

var markers = strings.NewReplacer("\\", "＼", "`", "'", "*", "＊", "_", "＿", "[", "［", "]", "］", "<", "＜", ">", "＞", "#", "＃", "@", "＠", "\n", " ", "\r", " ")

// plain takes the meaning of marks away: robots know no escapes, so look-alikes take
// their place.
func plain(s string) string { return markers.Replace(s) }

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + more
}
