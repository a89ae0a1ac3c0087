package clickhouse

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// settingWait is the setting without which an asynchronous insert is answered
// before it is stored.
const (
	settingWait = "wait_for_async_insert"
	waitWarning = "inserts are answered before they are stored: sources are acknowledged for rows that a crash of the server loses"
)

// serverFields say where the servers are and who connects.
func serverFields() []*service.ConfigField {
	return []*service.ConfigField{
		addressesField().Default([]any{}).
			Description("The replicas of the database as host:port, of which each insert takes one; see `" + fieldLoadBalancing + "`. An item that contains commas is taken as several. Either this or `" + fieldShards + "` is required."),
		shardsField(),
		service.NewBloblangField(fieldShardBy).
			Description("What divides the rows among `" + fieldShards + "`: a Bloblang expression, such as a field (`this.symbol`) or metadata (`@key`). " +
				"A row goes to the shard whose number, from 0, is the remainder of the value divided by the number of shards: of the value itself where it is a whole number, else of ClickHouse's cityHash64 of its text, " +
				"as in a Distributed table with the sharding key `x` or `cityHash64(x)` and shards of equal weight. Required with `" + fieldShards + "`.").
			Default("").Example("this.symbol").Example("@kafka_partition").Example("this.account.id % 16"),
		service.NewStringEnumField(fieldLoadBalancing, server.InOrder, server.RoundRobin, server.Random).
			Description("Which replica an insert goes to: the first that works (`in_order`), the next one (`round_robin`), or any (`random`). " +
				"A replica that cannot be reached, or that loses its connections, is left alone for a second, and up to half a minute if that goes on; the others take its share.").
			Default(server.InOrder).Example(server.RoundRobin),
		service.NewStringEnumField(fieldProtocol, protocolNative, protocolHTTP).
			Description("The protocol that the addresses speak: native (usually port 9000, with TLS 9440) or http (8123, with TLS 8443).").
			Default(protocolNative).Example(protocolHTTP),
		service.NewStringField(fieldDatabase).
			Description("The database of tables that are named without one.").
			Default("default").Example("market"),
		service.NewStringField(fieldUsername).
			Description("The user to connect as.").Default(server.DefaultUser).Example("bridge"),
		service.NewStringField(fieldPassword).
			Description("The user's password.").Default("").Secret().Example("${CLICKHOUSE_PASSWORD}"),
		service.NewStringField(fieldPasswordFile).
			Description("A file that holds the user's password, in place of `" + fieldPassword + "`. It is read again for each new connection, so that the password may be changed without a restart. A line break at its end does not count.").
			Default("").Advanced().Example("/run/secrets/clickhouse_password"),
		service.NewStringField(fieldJWT).
			Description("A JSON Web Token to connect with, in place of user and password, for servers that take one (ClickHouse Cloud). It is sent over TLS only.").
			Default("").Secret().Advanced().Example("${CLICKHOUSE_JWT}"),
		service.NewStringField(fieldJWTFile).
			Description("A file that holds the token, in place of `" + fieldJWT + "`. It is read again for each new connection, over HTTP for each request.").
			Default("").Advanced().Example("/run/secrets/clickhouse_token"),
	}
}

func addressesField() *service.ConfigField {
	return service.NewStringListField(fieldAddresses).
		Example([]string{"127.0.0.1:9000"}).
		// Called for the list and for each of its elements.
		LintRule(`root = if this.type() == "array" {
  if this.length() == 0 { ["` + fieldAddresses + ` is empty, at least one host:port is required"] } else if this.length() != this.unique().length() {
    ["` + fieldAddresses + ` holds an address twice: %s".format(this.join(", "))]
  }
} else if this.string().split(",").any(a -> !a.trim().re_match("^[^:]+:[0-9]+$|^\\[.+\\]:[0-9]+$")) {
  ["` + fieldAddresses + `: \"%s\" is not host:port (for example 127.0.0.1:9000)".format(this)]
}`)
}

func shardsField() *service.ConfigField {
	return service.NewObjectListField(fieldShards,
		addressesField().Description("The replicas of this shard as host:port."),
	).Description("Several groups of servers, each with a part of the rows; see `" + fieldShardBy + "`. The tables are those of each shard, not a Distributed table. In place of `" + fieldAddresses + "`.").
		Default([]any{}).Advanced().
		Example([]any{
			map[string]any{fieldAddresses: []string{"shard-1-a:9000", "shard-1-b:9000"}},
			map[string]any{fieldAddresses: []string{"shard-2-a:9000", "shard-2-b:9000"}},
		})
}

// connectionFields say how the wire is used.
func connectionFields() []*service.ConfigField {
	timeout := func(name, what, value string) *service.ConfigField {
		return service.NewDurationField(name).Description(what).Default(value).Example("10s").Advanced().LintRule(positive(name))
	}
	return []*service.ConfigField{
		service.NewStringEnumField(fieldCompression, server.LZ4, server.ZSTD, server.None).
			Description("How blocks are compressed on the wire.").Default(server.LZ4).Example(server.ZSTD),
		service.NewAnyMapField(fieldSettings).
			Description("ClickHouse settings for every query and insert. What an insert wishes for by itself (no asynchronous insert, deduplication) is left out where the server has that value anyway or does not let the user change it.").
			Default(map[string]any{}).Example(map[string]any{"insert_quorum": 2}).
			LintRule(`root = if this.type() == "object" && ["0", "false"].contains(this.get("` + settingWait + `").or("").string()) { ["` + fieldSettings + `.` + settingWait + ` is off: ` + waitWarning + `"] }`),
		service.NewTLSToggledField(fieldTLS), // whose files are read again for each new connection
		service.NewStringField(fieldTLSServerName).
			Description("The name that the servers' certificates must bear, and that is sent to them, where it is not the host of the address.").
			Default("").Advanced().Example("clickhouse.example.com"),
		timeout(fieldDialTimeout, "How long to wait for a connection: for a free one of the pool, or for a new one with its handshakes.", "5s"),
		timeout(fieldReadTimeout, "How long reading a table's columns, or anything else but an insert, may take.", "30s"),
		timeout(fieldInsertTimeout, "How long one insert may take as a whole, whatever the server does or fails to do.", "60s"),
	}
}

// serverLints are the rules over several fields of the servers, as the
// elements of a Bloblang list: a message each, or null.
const serverLints = `
  if this.` + fieldAddresses + `.or([]).length() == 0 && this.` + fieldShards + `.or([]).length() == 0 { "` + fieldAddresses + ` is empty: say where ClickHouse is, by ` + fieldAddresses + ` or by ` + fieldShards + `" } else { null },
  if this.` + fieldAddresses + `.or([]).length() > 0 && this.` + fieldShards + `.or([]).length() > 0 { "` + fieldAddresses + ` and ` + fieldShards + ` are both set, one of them is required" } else { null },
  if this.` + fieldShards + `.or([]).length() > 0 && this.` + fieldShardBy + `.or("") == "" { "` + fieldShardBy + ` is missing: with ` + fieldShards + `, say by what rows are divided among them" } else { null },
  if this.` + fieldShards + `.or([]).length() == 0 && this.` + fieldShardBy + `.or("") != "" { "` + fieldShardBy + ` is \"%v\", but there are no ` + fieldShards + ` to divide rows among".format(this.` + fieldShardBy + `) } else { null },
  if this.` + fieldTLS + `.enabled.or(false).string() != "true" && this.` + fieldTLSServerName + `.or("") != "" { "` + fieldTLSServerName + ` is \"%v\", but ` + fieldTLS + `.enabled is false".format(this.` + fieldTLSServerName + `) } else { null },
  if this.` + fieldPassword + `.or("") != "" && this.` + fieldPasswordFile + `.or("") != "" { "` + fieldPassword + ` is set together with ` + fieldPasswordFile + `; one of them is enough" } else { null },
  if this.` + fieldJWT + `.or("") != "" && this.` + fieldJWTFile + `.or("") != "" { "` + fieldJWT + ` is set together with ` + fieldJWTFile + `; one of them is enough" } else { null },
  if this.` + fieldTLS + `.enabled.or(false).string() != "true" && this.` + fieldJWTFile + `.or("") != "" { "` + fieldJWTFile + ` is \"%v\", but ` + fieldTLS + `.enabled is false: a token is sent over TLS only".format(this.` + fieldJWTFile + `) } else { null },
  if this.` + fieldTLS + `.enabled.or(false).string() != "true" && this.` + fieldJWT + `.or("") != "" { "` + fieldJWT + ` is set, but ` + fieldTLS + `.enabled is false: a token is sent over TLS only" } else { null },
  if (this.` + fieldJWT + `.or("") + this.` + fieldJWTFile + `.or("")) != "" && ((this.` + fieldPassword + `.or("") + this.` + fieldPasswordFile + `.or("")) != "" || this.` + fieldUsername + `.or("` + server.DefaultUser + `") != "` + server.DefaultUser + `") { "` + fieldJWT + ` is set together with ` + fieldUsername + ` or ` + fieldPassword + `; the token alone says who connects" } else { null },
`

// positive is the lint rule of a duration.
func positive(name string) string {
	return `root = if this.string().parse_duration().catch(0) <= 0 { ["` + name + ` is %v, a duration above 0 is required".format(this)] }`
}
