package backpressure

import (
	"errors"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What lint and the constructor say alike.
const (
	errAdminToken    = "status_server.admin.token is empty: status_server.admin.enabled (true) requires one"
	errAdminUnserved = "status_server.admin.enabled (true) has no effect with status_server.enabled (false)"
)

func adminField() *service.ConfigField {
	return service.NewObjectField(fieldAdmin,
		service.NewBoolField(fieldAdminEnabled).
			Description("Whether inputs can be paused and resumed, and thresholds be changed, over HTTP.").
			Default(false),
		service.NewStringField(fieldAdminToken).
			Description("What requests must carry in the header `Authorization: Bearer`. Without one the server is not opened for this.").
			Default("").Example("${ADMIN_TOKEN}").Secret(),
		service.NewBoolField(fieldAdminRemote).
			Description("Whether requests may come from other hosts. Token and answers are not encrypted without `status_server.tls`.").
			Default(false),
	).Description(adminDescription).Advanced().
		LintRule(`root = if this.enabled && this.token.trim() == "" { "` + errAdminToken + `" }`)
}

const adminDescription = "Lets an operator pause and resume inputs, and change thresholds: `POST /inputs/{label}/pause` and `POST /inputs/{label}/resume` for one, `POST /inputs/pause` and " +
	"`POST /inputs/resume` for all, those that connect later included. " +
	"Such a pause lasts, whatever the level does and however often the input reconnects, until it is resumed or the stream stops; `/health` shows it in `paused_by`. " +
	"The answer is what `/health` says of these inputs then.\n\nWhere several streams share the address, a label means the inputs of that label in all streams that have this token; " +
	"the query parameter `stream` names a single one.\n\n" +
	"`POST /backpressure` changes `enabled` (the emergency switch), `pause_threshold`, `yield_threshold`, `resume_threshold` and `alert_after` of this buffer while it runs: its body is a JSON object of them, " +
	"with values as the config takes them, checked in the same way, all of them or none; `null` is what the config says. It takes effect before the answer comes, which has what is at work then. " +
	"It is not kept: the next start, or a reload, returns to the config, as `POST /backpressure/reset` does. Meanwhile `/health` names both values in `overrides`. " +
	"Where several streams share the address, `stream` has to name one.\n\n" +
	"Errors are JSON: 401 without the right token, 403 when this is off or the request comes from another host, " +
	"400 for a body or a value that is refused, 404 for an unknown input or stream, 405 for other methods than POST, 409 while the stream stops."

func parseAdmin(p *service.ParsedConfig) (a status.Admin, err error) {
	p = p.Namespace(fieldStatusServer)
	if a.Enabled, err = p.FieldBool(fieldAdmin, fieldAdminEnabled); err != nil {
		return a, err
	}
	if a.Token, err = p.FieldString(fieldAdmin, fieldAdminToken); err != nil {
		return a, err
	}
	if a.AllowRemote, err = p.FieldBool(fieldAdmin, fieldAdminRemote); err != nil || !a.Enabled {
		return a, err
	}
	if a.Token = strings.TrimSpace(a.Token); a.Token == "" {
		return a, errors.New(errAdminToken)
	}
	served, err := p.FieldBool(fieldServerEnabled)
	if err == nil && !served {
		err = errors.New(errAdminUnserved)
	}
	return a, err
}
