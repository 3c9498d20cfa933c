package dashboard

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

type mailBody struct {
	Server   string          `json:"server" example:"smtp.example.com:587" doc:"host:port"`
	Security notify.Security `json:"security" enum:"starttls,tls,none"`
	User     string          `json:"user,omitempty" doc:"Empty logs in as nobody"`
	From     string          `json:"from" example:"网格中心 <grid@example.com>"`
	To       []string        `json:"to" nullable:"false" maxItems:"50"`
}

type quietBody struct {
	From     string `json:"from" example:"22:00" doc:"Time of day in the district's zone"`
	To       string `json:"to" example:"07:00" doc:"Not included; before from it is of the next day"`
	Critical bool   `json:"critical" doc:"Critical alerts are sent all the same"`
}

// ChannelBody is a channel without its secrets.
type ChannelBody struct {
	Name     string          `json:"name" minLength:"1" maxLength:"100" example:"值班群"`
	Type     notify.Type     `json:"type" enum:"webhook,email,wecom,dingtalk,feishu"`
	On       bool            `json:"on"`
	Lang     notify.Lang     `json:"lang" enum:"zh,en"`
	Mail     *mailBody       `json:"mail,omitempty" doc:"Of an e-mail channel"`
	Severity store.Severity  `json:"severity" enum:"notice,warning,critical" doc:"The mildest that is told"`
	Areas    []grid.AreaCode `json:"areas" nullable:"false" maxItems:"500" doc:"And those within them; none means all"`
	Quality  bool            `json:"quality" doc:"Alerts about sensors and data too"`
	Quiet    *quietBody      `json:"quiet,omitempty" doc:"What happens then is not sent later"`
	Page     string          `json:"page,omitempty" maxLength:"500" example:"https://grid.example" doc:"Where people find this UrbanGrid, for links to alerts"`
}

type channelView struct {
	ID string `json:"id"`
	ChannelBody
	Host      string `json:"host" doc:"What may be shown of the address"`
	HasURL    bool   `json:"has_url" doc:"An address is kept; it is never shown"`
	HasSecret bool   `json:"has_secret" doc:"A signing key or password is kept; it is never shown"`
	Lost      bool   `json:"secrets_lost" doc:"The address, key or password that is kept cannot be read, because the key file that it was sealed with is gone: it must be given again"`
	Waiting   int    `json:"waiting"`
	Delivered int    `json:"delivered"`
	Dead      int    `json:"dead"`
	Withheld  int    `json:"withheld" doc:"Not to be sent any more when their turn came"`
	LastChange
}

type channelOutput struct {
	ETag string `header:"ETag"`
	Body channelView
}

type channelsOutput struct {
	Body struct {
		Channels []channelView `json:"channels" nullable:"false"`
	}
}

type tryChannelInput struct {
	ID string `path:"id" maxLength:"100"`
	By Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who sends it" example:"王芳"`
}

type channelSaveBody struct {
	Channel ChannelBody `json:"channel"`
	URL     string      `json:"url,omitempty" maxLength:"2000" writeOnly:"true" doc:"Address of a webhook or robot; left out stays as it was"`
	Secret  string      `json:"secret,omitempty" maxLength:"1000" writeOnly:"true" doc:"Signing key, or password of mail; left out stays as it was, but must be given again with another server, user or security"`
	ChangedBy
}

type addChannelInput struct{ Body channelSaveBody }

type putChannelInput struct {
	ID      string `path:"id" maxLength:"100"`
	IfMatch string `header:"If-Match" required:"true" example:"\"1\""`
	Body    channelSaveBody
}

type removeChannelInput struct {
	ID string `path:"id" maxLength:"100"`
	ChangeBack
}

type tryOutput struct {
	Body struct {
		Arrived bool    `json:"arrived"`
		Error   string  `json:"error" doc:"Why not, or who did not get it; empty when it did"`
		Seconds float64 `json:"seconds" doc:"How long it took"`
	}
}

type deliveriesInput struct {
	Channel string              `query:"channel" maxLength:"100" doc:"Narrow to one channel"`
	State   store.DeliveryState `query:"state" enum:"waiting,delivered,dead,withheld,"`
	Before  int64               `query:"before" doc:"The next of the page before"`
	Limit   int                 `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type deliveryView struct {
	ID        int64               `json:"id"`
	Channel   string              `json:"channel"`
	Alert     string              `json:"alert"`
	Event     string              `json:"event" enum:"raised,risen"`
	State     store.DeliveryState `json:"state" enum:"waiting,delivered,dead,withheld"`
	Attempts  int                 `json:"attempts"`
	Next      *time.Time          `json:"next" doc:"Of the next attempt; null when it has ended"`
	Fault     string              `json:"fault" doc:"Of the last attempt, or why it was withheld; of a delivered mail who was refused"`
	CreatedAt time.Time           `json:"created_at"`
	EndedAt   *time.Time          `json:"ended_at"`
}

type deliveriesOutput struct {
	Body struct {
		Deliveries []deliveryView `json:"deliveries" nullable:"false" doc:"Newest first"`
		Next       int64          `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

type sendAgainInput struct {
	ID int64  `path:"id"`
	By Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who sends it again" example:"王芳"`
}

type deliveryOutput struct{ Body deliveryView }

func (s *Server) channelOperations(api huma.API) {
	list := operation("list-channels", "/channels", settingsTag, "Notification channels", "How people are told of alerts that are raised or become worse. Muted alerts never are.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listChannels)
	add := command(http.MethodPost, "add-channel", "/channels", "Add a channel", "Its address and its secret are never shown again.", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addChannel)
	huma.Register(api, command(http.MethodPut, "change-channel", "/channels/{id}", "Change a channel", "", http.StatusNotFound, http.StatusPreconditionFailed), s.putChannel)
	huma.Register(api, command(http.MethodDelete, "remove-channel", "/channels/{id}", "Remove a channel", "With its secrets and its messages.",
		http.StatusNotFound, http.StatusPreconditionFailed), s.removeChannel)
	huma.Register(api, command(http.MethodPost, "try-channel", "/channels/{id}/test", "Send a test", "It is entered into the changes as channel_test.", http.StatusNotFound), s.tryChannel)
	queue := operation("list-deliveries", "/deliveries", settingsTag, "Messages to channels", "Newest first.")
	queue.Errors = append(queue.Errors, http.StatusNotImplemented)
	huma.Register(api, queue, s.listDeliveries)
	huma.Register(api, command(http.MethodPost, "send-again", "/deliveries/{id}/again", "Send a dead message again", "It gets all its attempts anew. It is entered into the changes as delivery, by its channel.", http.StatusNotFound), s.sendAgain)
}

func (s *Server) notifier() (*notify.Notifier, error) {
	if s.deps.Settings.Channels == nil {
		return nil, notKept("notification channels")
	}
	return s.deps.Settings.Channels, nil
}

func viewChannel(k notify.Kept) channelView {
	v := channelView{ID: k.ID, Host: k.Host, HasURL: k.HasURL, HasSecret: k.HasSecret, Lost: k.Lost, LastChange: viewSetting(k.Setting),
		Waiting: k.Counts[store.DeliveryWaiting], Delivered: k.Counts[store.DeliveryDelivered], Dead: k.Counts[store.DeliveryDead], Withheld: k.Counts[store.DeliveryWithheld]}
	v.ChannelBody = ChannelBody{Name: k.Name, Type: k.Type, On: k.On, Lang: k.Lang, Severity: k.Severity, Areas: k.Areas, Quality: k.Quality, Page: k.Page,
		Mail: (*mailBody)(k.Mail), Quiet: (*quietBody)(k.Quiet)}
	if v.Areas == nil {
		v.Areas = []grid.AreaCode{}
	}
	return v
}

func (b *ChannelBody) channel() notify.Channel {
	return notify.Channel{Name: b.Name, Type: b.Type, On: b.On, Lang: b.Lang, Severity: b.Severity, Areas: b.Areas, Quality: b.Quality, Page: b.Page,
		Mail: (*notify.Mail)(b.Mail), Quiet: (*notify.Quiet)(b.Quiet)}
}

func (s *Server) listChannels(ctx context.Context, _ *struct{}) (*channelsOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	all, err := n.Channels(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &channelsOutput{}
	out.Body.Channels = []channelView{}
	for _, k := range slices.SortedFunc(maps.Values(all), func(a, b notify.Kept) int { return cmp.Compare(a.ID, b.ID) }) {
		out.Body.Channels = append(out.Body.Channels, viewChannel(k))
	}
	return out, nil
}

func (s *Server) addChannel(ctx context.Context, in *addChannelInput) (*channelOutput, error) {
	return s.saveChannel(ctx, "", &in.Body, 0)
}

func (s *Server) putChannel(ctx context.Context, in *putChannelInput) (*channelOutput, error) {
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return s.saveChannel(ctx, in.ID, &in.Body, version)
}

func (s *Server) saveChannel(ctx context.Context, id string, b *channelSaveBody, version int64) (*channelOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	for _, area := range b.Channel.Areas {
		if !s.knownArea(area) {
			return nil, huma.Error422UnprocessableEntity("unknown area", &huma.ErrorDetail{Message: "no area has this code", Location: "body.channel.areas", Value: area})
		}
	}
	k, err := n.Save(ctx, id, b.Channel.channel(), notify.Secrets{URL: b.URL, Secret: b.Secret}, notify.By{Who: string(b.By), Version: version})
	return s.channelAnswer(ctx, k, err)
}

func (s *Server) removeChannel(ctx context.Context, in *removeChannelInput) (*channelOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	k, err := n.Remove(ctx, in.ID, notify.By{Who: string(in.By), Version: version})
	return s.channelAnswer(ctx, k, err)
}

func (s *Server) channelAnswer(ctx context.Context, k notify.Kept, err error) (*channelOutput, error) {
	switch {
	case errors.Is(err, notify.ErrInvalid):
		return nil, invalid(err)
	case errors.Is(err, store.ErrSealed):
		return nil, huma.Error503ServiceUnavailable("secrets cannot be kept: the server has no usable key file; its log says why")
	case errors.Is(err, notify.ErrTooMany):
		return nil, huma.Error409Conflict(err.Error())
	case isConflict(err):
		return nil, changedMeanwhile("the channel", viewChannel(k), k.Setting.Version)
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return &channelOutput{ETag: etag(k.Setting.Version), Body: viewChannel(k)}, nil
}

func (s *Server) tryChannel(ctx context.Context, in *tryChannelInput) (*tryOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	began := s.deps.Now()
	err = n.Try(ctx, in.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, s.problem(ctx, err)
	}
	out := &tryOutput{}
	out.Body.Arrived, out.Body.Seconds = err == nil, s.deps.Now().Sub(began).Seconds()
	if err != nil {
		out.Body.Error = err.Error()
	}
	if err := s.logDeed(ctx, testDeed, in.ID, in.By, map[string]any{"arrived": out.Body.Arrived}); err != nil {
		return nil, err
	}
	return out, nil
}

func viewDelivery(d store.Delivery) deliveryView {
	v := deliveryView{ID: d.ID, Channel: d.Channel, Alert: d.Alert, Event: d.Event, State: d.State, Attempts: d.Attempts, Fault: d.Fault,
		CreatedAt: d.CreatedAt, EndedAt: orNull(d.EndedAt)}
	if d.State == store.DeliveryWaiting {
		v.Next = orNull(d.Next)
	}
	return v
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	found, err := n.Deliveries(ctx, store.DeliveryQuery{Channel: in.Channel, State: in.State, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &deliveriesOutput{}
	out.Body.Deliveries = make([]deliveryView, len(found))
	for i, d := range found {
		out.Body.Deliveries[i] = viewDelivery(d)
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

func (s *Server) sendAgain(ctx context.Context, in *sendAgainInput) (*deliveryOutput, error) {
	n, err := s.notifier()
	if err != nil {
		return nil, err
	}
	d, err := n.SendAgain(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := s.logDeed(ctx, deliveryDeed, d.Channel, in.By, map[string]any{"delivery": d.ID}); err != nil {
		return nil, err
	}
	return &deliveryOutput{Body: viewDelivery(d)}, nil
}
