package dashboard

import (
	"context"
	"encoding/json"

	"github.com/urbangrid/urbangrid/store"
)

// The sections of deeds: what people do here that is no change of a setting. They
// are among the changes of settings, with who did them and when.
const (
	credentialDeed = "credential"   // by user name: {"topics"}; taken away when it was revoked
	testDeed       = "channel_test" // by channel: {"arrived"}
	deliveryDeed   = "delivery"     // by channel: {"delivery"}, the id of a message that was sent again
)

// logDeed enters what a person did where the changes of settings are read. A nil
// value says that something was taken away. A server that keeps no settings only
// has its log.
func (s *Server) logDeed(ctx context.Context, section, key string, by Person, value any) error {
	s.log.Info("command was carried out", "what", section, "key", key, "by", string(by))
	if s.deps.Settings.Store == nil {
		return nil
	}
	d := store.Setting{Section: section, Key: key, By: string(by), At: s.deps.Now()}
	if value != nil {
		var err error
		if d.Value, err = json.Marshal(value); err != nil {
			return s.problem(ctx, err)
		}
	}
	return s.problem(ctx, s.deps.Settings.Store.LogDeed(ctx, d))
}
