package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// refused is a failure that another attempt would meet too.
type refused struct{ err error }

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

const (
	attemptTimeout = 15 * time.Second
	maxAnswerBytes = 16 << 10
)

// newClient returns a client that follows no redirects: what is signed for one
// address is not for another.
func newClient(config *tls.Config, dialer *net.Dialer) *http.Client {
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: config.Clone(),
			TLSHandshakeTimeout: attemptTimeout, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends JSON and returns the answer to a 2xx.
func post(ctx context.Context, client *http.Client, address string, body any, header http.Header) ([]byte, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	return postBytes(ctx, client, address, payload, header)
}

func postBytes(ctx context.Context, client *http.Client, address string, payload []byte, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return nil, &refused{errors.New("the address cannot be used")}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "UrbanGrid")
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := client.Do(req)
	if errors.Is(err, errLocal) {
		return nil, &refused{errLocal}
	}
	if err != nil {
		return nil, withoutAddress(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return answer, nil
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout:
		return nil, fmt.Errorf("answered with %s", res.Status)
	}
	return nil, &refused{fmt.Errorf("answered with %s", res.Status)}
}

// withoutAddress takes the address, which may hold a key, out of an error.
func withoutAddress(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// webhookBody is what systems get.
type webhookBody struct {
	Event  Event           `json:"event"`
	SentAt time.Time       `json:"sent_at"`
	Title  string          `json:"title"`
	Text   string          `json:"text"`
	Link   string          `json:"link,omitempty"`
	Alert  json.RawMessage `json:"alert"` // as in the live protocol; null for a test
}

// sendWebhook posts JSON. With a secret the header X-UrbanGrid-Signature is
// "sha256=" and the HMAC in hexadecimal of the timestamp in X-UrbanGrid-Timestamp, a
// dot and the body.
func sendWebhook(ctx context.Context, client *http.Client, s Secrets, m *message) error {
	body := webhookBody{Event: m.event, SentAt: m.sentAt.UTC(), Title: m.title, Text: m.text(), Link: m.link, Alert: m.payload}
	payload, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	stamp := strconv.FormatInt(m.sentAt.Unix(), 10)
	header := http.Header{"X-Urbangrid-Event": {string(m.event)}, "X-Urbangrid-Delivery": {m.id}, "X-Urbangrid-Timestamp": {stamp}}
	if s.Secret != "" {
		mac := hmac.New(sha256.New, []byte(s.Secret))
		mac.Write([]byte(stamp + "."))
		mac.Write(payload)
		header.Set("X-UrbanGrid-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	_, err = postBytes(ctx, client, s.URL, payload, header)
	return err
}

// robotAnswer is what the three robots answer with status 200, also when they did
// not take a message: WeCom and DingTalk say errcode, Feishu code.
type robotAnswer struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
	Code    int    `json:"code"`
	Msg     string `json:"msg"`
}

// busyCodes are those by which robots say that messages come too fast: WeCom 45009,
// DingTalk 130101 and 410100, Feishu 9499 and 11232; -1 is "busy" with all.
var busyCodes = map[int]bool{-1: true, 45009: true, 130101: true, 410100: true, 9499: true, 11232: true}

func robotPost(ctx context.Context, client *http.Client, address string, body any) error {
	answer, err := post(ctx, client, address, body, nil)
	if err != nil {
		return err
	}
	var a robotAnswer
	if err := json.Unmarshal(answer, &a); err != nil {
		return &refused{errors.New("the answer is not that of a robot")}
	}
	code, text := a.ErrCode+a.Code, a.ErrMsg+a.Msg // one of each is zero
	switch {
	case code == 0:
		return nil
	case busyCodes[code]:
		return fmt.Errorf("robot says %d: %s", code, cut(text, 200))
	}
	return &refused{fmt.Errorf("robot says %d: %s", code, cut(text, 200))}
}

// weComBytes bounds the content of a WeCom message.
const weComBytes = 4096

type markdownText struct {
	Title   string `json:"title,omitempty"`
	Text    string `json:"text,omitempty"`
	Content string `json:"content,omitempty"`
}

type markdownBody struct {
	MsgType  string       `json:"msgtype"`
	Markdown markdownText `json:"markdown"`
}

func sendWeCom(ctx context.Context, client *http.Client, s Secrets, m *message) error {
	return robotPost(ctx, client, s.URL, markdownBody{"markdown", markdownText{Content: cut(m.markdown(), weComBytes)}})
}

// dingTalkBytes keeps a message below DingTalk's bound of 20,000 bytes.
const dingTalkBytes = 16_000

// sendDingTalk signs, with a secret, as DingTalk documents it: timestamp in
// milliseconds and base64 of the HMAC-SHA256 of "timestamp\nsecret" in the query.
func sendDingTalk(ctx context.Context, client *http.Client, s Secrets, m *message) error {
	address, err := url.Parse(s.URL)
	if err != nil {
		return &refused{errors.New("the address cannot be used")}
	}
	if s.Secret != "" {
		stamp := strconv.FormatInt(m.sentAt.UnixMilli(), 10)
		q := address.Query()
		q.Set("timestamp", stamp)
		q.Set("sign", base64MAC(s.Secret, stamp+"\n"+s.Secret))
		address.RawQuery = q.Encode()
	}
	return robotPost(ctx, client, address.String(), markdownBody{"markdown", markdownText{Title: m.title, Text: cut(m.markdown(), dingTalkBytes)}})
}

func base64MAC(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

type feishuPart struct {
	Tag  string `json:"tag"`
	Text string `json:"text"`
	Href string `json:"href,omitempty"`
}

type feishuPost struct {
	Title   string         `json:"title"`
	Content [][]feishuPart `json:"content"`
}

type feishuBody struct {
	Timestamp string `json:"timestamp,omitempty"`
	Sign      string `json:"sign,omitempty"`
	MsgType   string `json:"msg_type"`
	Content   struct {
		Post map[string]feishuPost `json:"post"`
	} `json:"content"`
}

// sendFeishu signs, with a secret, as Feishu documents it: base64 of the HMAC-SHA256
// of nothing, with "timestamp\nsecret" as the key and the timestamp in seconds.
func sendFeishu(ctx context.Context, client *http.Client, s Secrets, m *message) error {
	body := feishuBody{MsgType: "post"}
	if s.Secret != "" {
		body.Timestamp = strconv.FormatInt(m.sentAt.Unix(), 10)
		body.Sign = base64MAC(body.Timestamp+"\n"+s.Secret, "")
	}
	p := feishuPost{Title: m.title}
	for _, line := range m.lines {
		p.Content = append(p.Content, []feishuPart{{Tag: "text", Text: line}})
	}
	if m.link != "" {
		p.Content = append(p.Content, []feishuPart{{Tag: "a", Text: "UrbanGrid", Href: m.link}})
	}
	body.Content.Post = map[string]feishuPost{"zh_cn": p}
	return robotPost(ctx, client, s.URL, body)
}
