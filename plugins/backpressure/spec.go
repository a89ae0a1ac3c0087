package backpressure

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldEnabled         = "enabled"
	fieldMaxBufferSize   = "max_buffer_size"
	fieldMaxBytes        = "max_bytes"
	fieldPauseThreshold  = "pause_threshold"
	fieldYieldThreshold  = "yield_threshold"
	fieldResumeThreshold = "resume_threshold"
	fieldHeartbeat       = "heartbeat_interval"
	fieldAlertAfter      = "alert_after"
	fieldBatch           = "batch"
	fieldBatchCount      = "count"
	fieldBatchBytes      = "byte_size"
	fieldBatchPeriod     = "period"
	fieldGroups          = "groups"
	fieldFeeds           = "figures"
	fieldFeedTicks       = "ticks"
	fieldFeedCandles     = "ch_candles"
	fieldFeedExternal    = "external"
	fieldFeedCHBuffer    = "ch_buffer"
	fieldStatusServer    = "status_server"
	fieldServerEnabled   = "enabled"
	fieldServerAddress   = "address"
	fieldServerGrace     = "disconnect_grace"
	fieldAdmin           = "admin"
	fieldAdminEnabled    = "enabled"
	fieldAdminToken      = "token"
	fieldAdminRemote     = "allow_remote"
	fieldGate            = "gate"
	fieldAlerts          = "alerts"
	fieldAlertInterval   = "alert_interval"
)

// lintThresholds gives `lint` the same judgement as config.validate, with the
// same words.
var lintThresholds = `let max = this.max_buffer_size.number(-1)
let pause = ` + lintRecords("this.pause_threshold") + `
let resume = ` + lintRecords("this.resume_threshold") + `
let yield = if this.yield_threshold == "" { ($pause * 3 / 4).floor().catch(0) } else { ` + lintRecords("this.yield_threshold") + ` }
let bytes = ` + lintBytes("this.max_bytes") + `
let size = ` + lintBytes("this.batch.byte_size") + `
let resumed = ($bytes * $resume / $max).floor().catch(0)
let yielded = ($bytes * $yield / $max).floor().catch(0)
let paused = ($bytes * $pause / $max).floor().catch(0)
let unclear = [
  [ "pause_threshold", this.pause_threshold, $pause ], [ "resume_threshold", this.resume_threshold, $resume ], [ "yield_threshold", this.yield_threshold, $yield ]
].filter(t -> t.1 != "" || t.0 != "yield_threshold").filter(t -> t.2 < 0 || t.2 != t.2.floor()).map_each(t -> "` + errThreshold + `".format(t.0, t.1.string()))
root = if $max < 1 || $max != $max.floor() {
  "max_buffer_size (%v) must be a whole number of messages, 1 at least, for example 50000".format(this.max_buffer_size.string())
} else if $unclear.length() > 0 { $unclear } else if !($resume > 0 && $resume < $pause && $pause <= $max) {
  "resume_threshold (%v), pause_threshold (%v) and max_buffer_size (%v) are out of order: 0 < resume_threshold < pause_threshold <= max_buffer_size is required".format(this.resume_threshold, this.pause_threshold, $max)
} else if !($yield > 0 && $yield < $pause) {
  "yield_threshold (%v) and pause_threshold (%v) are out of order: 0 < yield_threshold < pause_threshold is required".format(this.yield_threshold, this.pause_threshold)
} else if this.batch.count < 1 || this.batch.count > $resume {
  "batch.count (%v) must be between 1 and resume_threshold (%v records): a larger batch would wait for records that a paused input does not deliver".format(this.batch.count, $resume)
} else if $bytes > 0 && ($resumed < 1 || $resumed >= $paused || $yielded < 1 || $yielded >= $paused) {
  "max_bytes (%v) is too small: its shares at resume_threshold, yield_threshold and pause_threshold must be above zero, and the last one above the others".format(this.max_bytes)
} else if $bytes > 0 && $size > $resumed {
  "batch.byte_size (%v) must not exceed the resume_threshold in bytes (%v B, a share of max_bytes): a larger batch would wait for records that a paused input does not deliver".format(this.batch.byte_size, $resumed)
}`

// lintRecords is the Bloblang that turns a threshold into a number of messages;
// what is not a threshold becomes one below zero.
func lintRecords(path string) string {
	return strings.ReplaceAll(`if PATH.type() == "string" && !PATH.re_match("""^\s*(?:[+-]?[0-9]+|[^%]*%)\s*$""") { -1 } else if !PATH.string().has_suffix("%") { PATH.number(-1) } else if PATH.string().trim_suffix("%").number(-1) > 100 { -1 } else { ($max * PATH.string().trim_suffix("%").number(-1) / 100).round() }`, "PATH", path)
}

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Utility").
		Summary("A bounded buffer that pauses the inputs of its stream before it is full, and resumes them when there is room again.").
		Description(description).
		LintRule(lintThresholds).
		Fields(
			service.NewBoolField(fieldEnabled).
				Description("Whether a high level pauses the inputs. `false` is the emergency switch: nothing is paused any more, and the bound holds by blocking.").
				Default(true),
			service.NewIntField(fieldMaxBufferSize).
				Description("The hard bound of the level, in messages. The level is what was accepted from the inputs and is not yet acknowledged by the output: queued, in flight, or waiting for a retry. It is never exceeded.").
				Default(50000).Example(200000),
			service.NewStringField(fieldMaxBytes).
				Description("The hard bound of what those messages weigh, so that large ones cannot break the bound of memory: the bytes of their bodies, and an estimate for bodies that were parsed. Metadata is not counted. `pause_threshold` and `resume_threshold` apply to it too, as the same fractions of it that they are of `max_buffer_size`: the inputs pause when either level is above its threshold and resume when both are below theirs. A message that is larger than the bound enters alone: choose ten times the largest message at least. `0` bounds messages only.\n\nThe default is 2.6 KiB for each message of the default `max_buffer_size`: smaller messages never meet it.").
				Default("128MiB").Example("512MiB").Example("0").
				LintRule(lintSize(fieldMaxBytes)),
			service.NewAnyField(fieldPauseThreshold).
				Description("The inputs pause when the level is above this: a number of messages, or a percentage of `max_buffer_size`.").
				Default("80%").Example(40000).Example("80%"),
			service.NewAnyField(fieldYieldThreshold).
				Description("How far sources that can wait fill the buffer (Kafka, JetStream): a number of messages, or a percentage of `max_buffer_size`. They hand nothing over that would bring the level above this, and leave the rest of the buffer to sources that cannot wait (core NATS, and any input that cannot be paused), so that a backlog costs no fresh data. That is flow control and no pause: it is shown per input (`yielding`, `yielded_seconds`), and neither logged nor alerted. Once the output settles nothing for 5s, or a batch has waited as long for a retry, it ends: the level rises to `pause_threshold`, and the pause is reported. It applies to `max_bytes` as the same fraction of it.\n\nEmpty is three quarters of `pause_threshold`. It must be below `pause_threshold`, and may be above or below `resume_threshold`. Choose twice the largest batch of those inputs at least: a larger one waits until half of this is free.").
				Default("").Example(30000).Example("60%"),
			service.NewAnyField(fieldResumeThreshold).
				Description("The inputs resume when the level is below this: a number of messages, or a percentage of `max_buffer_size`.").
				Default("40%").Example(20000).Example("40%"),
			service.NewDurationField(fieldHeartbeat).
				Description("How often a heartbeat record is logged, and a long pause is alerted. The metrics are published once a second.").
				Default("5s").Example("30s").
				LintRule(lintPositive(fieldHeartbeat)),
			service.NewDurationField(fieldAlertAfter).
				Description("A pause longer than this raises the critical alert at every heartbeat and makes `/health` answer 503.").
				Default("10m").Example("2m").
				LintRule(lintPositive(fieldAlertAfter)),
			alertsField(),
			service.NewDurationField(fieldAlertInterval).
				Description("How often `alerts` is told of one kind of event at most: dead letters in between are summed up.").
				Default("1m").Example("15m").Advanced().
				LintRule(lintPositive(fieldAlertInterval)),
			service.NewObjectField(fieldBatch,
				service.NewIntField(fieldBatchCount).
					Description("The most messages in a batch. It may not exceed `resume_threshold`. A batch holds messages of one input, which go to one table as a rule: so this is the size of an insert.").
					Default(10000).Example(20000),
				service.NewStringField(fieldBatchBytes).
					Description("A batch is also full when its messages weigh this much; it then holds at least one message. It may not exceed the `resume_threshold` in bytes. By default, or with `0`, an eighth of `max_bytes`, and what the `resume_threshold` is in bytes if that is less.").
					Default("").Example("32MiB").Advanced().
					LintRule(lintSize(fieldBatch+"."+fieldBatchBytes)),
				service.NewDurationField(fieldBatchPeriod).
					Description("A batch that is not full is sent when its oldest message has waited this long.").
					Default("500ms").Example("2s").
					LintRule(lintPositive(fieldBatch+"."+fieldBatchPeriod)),
			).Description("How batches for the output are formed. Leave the output's own batching empty."),
			service.NewAnyField(fieldGroups).
				Description("Groups of input labels whose share of the level is reported together in log lines and in `/health`. Without groups every input is reported by its label.").
				Default(map[string]any{}).
				Example(map[string]any{"CH": []any{"ticks", "ch_candles"}, "Ext": []any{"external"}}).
				LintRule(`root = if this.type() != "object" || this.values().any(v -> v.type() != "array") { "groups (%v) must map a name to a list of input labels, for example {CH: [ticks]}".format(this.format_json(no_indent: true).string()) }`),
			service.NewObjectField(fieldFeeds,
				service.NewStringListField(fieldFeedTicks).
					Description("The labels of the inputs whose messages are counted as `ticks`.").
					Default([]any{"ticks"}).Example([]any{"trades", "quotes"}),
				service.NewStringListField(fieldFeedCandles).
					Description("The labels of the inputs whose messages are counted as `ch_candles`.").
					Default([]any{"ch_candles"}).Example([]any{"bars_1m", "bars_1h"}),
				service.NewStringListField(fieldFeedExternal).
					Description("The labels of the inputs whose messages are counted as `external`.").
					Default([]any{"external"}).Example([]any{"news", "rates"}),
				service.NewStringField(fieldFeedCHBuffer).
					Description("The group (see `groups`) whose level is `ch_buffer`.").
					Default("CH").Example("Market"),
			).Description("What feeds those figures of `/health` and of the heartbeat whose names are fixed. Inputs that are named nowhere are in `inputs` of `/health`, as all are.").Advanced(),
			statusField(),
			service.NewStringField(fieldGate).
				Description("The name of the gate to control. Needed only in streams mode, where inputs or the output are resources: give them and the buffer the same name. What belongs to the stream and names none has this one; `lint` and `run` refuse names that do not meet.").
				Default("").Example("market").Advanced(),
		).
		Example("Two inputs, one table", "Ticks from NATS wait here for ClickHouse; above 40,000 messages the subscription is paused, below 20,000 it is resumed.", `
input:
  label: ticks
  pausable_nats:
    urls: [nats://127.0.0.1:4222]
    subjects: [market.ticks.>]
buffer:
  backpressure:
    max_buffer_size: 50000
    pause_threshold: 80%
    resume_threshold: 40%
output:
  clickhouse:
    addresses: [127.0.0.1:9000]
    database: market
    table: ticks
    dead_letter: {drop: {}}
`)
}

const description = `
Messages are accepted until ` + "`max_buffer_size`" + `, formed into batches, and acknowledged to their source only after the output has
acknowledged them: a crash therefore replays from sources that can replay.

When the level rises above ` + "`pause_threshold`" + ` every pausable input of the stream is paused, and when it falls below
` + "`resume_threshold`" + ` they are resumed. Between the thresholds nothing changes. Inputs find their buffer by themselves; inputs that
cannot pause are held back by the bound alone.

A batch that the output rejects as a whole goes back to the head of the buffer and is tried again with exponential back-off.`

const alertsDescription = "Any output that is told, by a JSON object, when somebody has to look, for those who have no Prometheus: an `http_client` to a webhook, say. Events (`event`) are\n\n" +
	"- `paused`: a pause, or a full buffer where nothing pauses, has lasted longer than `alert_after`; `resumed`: it is over, or the stream has stopped;\n" +
	"- `dead_letters`: rows were handed to the dead-letter output of `clickhouse`: the first at once, then how many there were in each `alert_interval`;\n" +
	"- `unhealthy`: `/health` has reasons other than such a pause, for 5s; `healthy`: it has none any more.\n\n" +
	"The keys are `event`, `time`, `host`, `stream`, `text` (the alert in one line, for people), `current_buffer`, `max_buffer_size`, `current_bytes` and `duration_seconds`, and where they apply `reason` (`level`, `bytes` or `full`), `cause`, `reasons`, " +
	"`dead_letters`, `dead_letters_total`, `tables` (rows of each) and `dropped`. What a webhook wants beside or in place of them a `mapping` makes, as in the example.\n\n" +
	"Alerts never hold up the stream: 64 wait at most, beyond the oldest is lost; each is tried four times, within a minute; the end of the stream waits one second. Those given up are counted (`alerts` of `/health`, `backpressure_alerts_lost`), and an output that does not take alerts is logged every 5 minutes at most and does not make the stream unhealthy."

func alertsField() *service.ConfigField {
	return service.NewOutputField(fieldAlerts).Optional().
		Description(alertsDescription).
		Example(map[string]any{
			"http_client": map[string]any{"url": "${ALERT_WEBHOOK}", "verb": "POST", "headers": map[string]any{"Content-Type": "application/json"}},
			"processors":  []any{map[string]any{"mapping": `root = {"text": this.text}`}},
		}).
		LintRule(`root = if this.type() == "object" && this.length() == 0 { "` + fieldAlerts + ` ({}) names no output: any one will do, such as http_client; leave it out for none" }`)
}

func lintPositive(field string) string {
	return fmt.Sprintf(`root = if this.parse_duration().catch(0) <= 0 { %q + " (%%v) must be a duration above zero, for example 5s".format(this) }`, field)
}

func statusField() *service.ConfigField {
	fields := []*service.ConfigField{
		service.NewBoolField(fieldServerEnabled).
			Description("Whether to serve the live page, `GET /health`, `GET /metrics` with what the `metrics` of the config exports, and `GET /pauses` with the pauses of the last 24 hours.").
			Default(true),
		service.NewStringField(fieldServerAddress).
			Description("The address to listen on. Streams that name the same address share one listener, and must agree on `tls`, `basic_auth`, `bearer_auth` and `open_probes`.").
			Default("127.0.0.1:8080").Example("0.0.0.0:8080").
			LintRule(`root = if this != "" && !this.string().re_match("""` + addressPattern + `""") { "` + fieldStatusServer + "." + fieldServerAddress + ` (%v) must be host:port, for example 127.0.0.1:8080".format(this) }`),
		service.NewDurationField(fieldServerGrace).
			Description("How long an input or the output may be disconnected before `/health` answers 503. What fails before it was ever connected has no grace.").
			Default("30s").Example("2m").Advanced().
			LintRule(lintPositive(fieldStatusServer + "." + fieldServerGrace)),
	}
	fields = append(append(fields, accessFields()...), adminField())
	return service.NewObjectField(fieldStatusServer, fields...).
		Description("The listener for the live page, `GET /health`, `GET /metrics`, `GET /pauses` and `GET /events`. It holds 64 connections at most: a further one takes the place of the one that has been idle for the longest.").
		LintRule(`root = if this.admin.enabled && !this.enabled { "` + errAdminUnserved + `" }`)
}
