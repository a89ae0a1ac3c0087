package kafka

import "github.com/redpanda-data/benthos/v4/public/service"

// The lint rules say what validate says, before anything is started. They are
// Bloblang, and see the value of their field as this.

// A host and a port from 1 to 65535; IPv6 in brackets.
const brokerPattern = `^(\[[0-9A-Fa-f:.%]+\]|[^\s:/,\[\]]+):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`

// What Kafka accepts as the name of a topic.
const topicPattern = `^[A-Za-z0-9._-]{1,249}$`

const bytesPattern = `^\s*[0-9]+(\.[0-9]+)?\s*([kKmMgG]?[bB]?|[kKmMgG][iI][bB]?)\s*$`

// expand is Bloblang for splitList.
const expand = `this.map_each(item -> item.string().split(",")).flatten().map_each(s -> s.trim())`

// The linter applies the rule of a list to its items as well: the rules of
// lists pass over what is none.

const seedBrokersLintRule = `root = if this.type() != "array" {
  []
} else if this.length() == 0 {
  ["` + errNoBrokers + `"]
} else {
  ` + expand + `.filter(b -> !b.re_match("""` + brokerPattern + `""")).
    map_each(b -> "` + errBadBroker + `".format(b))
}`

const topicsLintRule = `root = if this.type() == "array" && this.any(t -> t.string().trim() == "") { ["` + errNoTopics + `"] }`

const balancersLintRule = `root = match {
  this.type() != "array" => []
  this.length() == 0 => ["` + errNoBalancer + `"]
  _ => this.filter(b -> !["` + balancerCooperative + `", "` + balancerSticky + `", "` + balancerRange + `", "` + balancerRoundRobin + `"].contains(b)).
    map_each(b -> "` + errBalancer + `".format(b))
}`

const batchCountLintRule = `root = if this < 1 { ["batch.count (%v) must be at least 1".format(this)] }`

const batchPeriodLintRule = `root = if this.parse_duration().catch(0) <= 0 { ["batch.period (%v) must be more than 0, such as 1s".format(this)] }`

const maxFetchesLintRule = `root = if this < 0 { ["max_concurrent_fetches (%v) must be 0, for one each broker, or more".format(this)] }`

const recordMetadataLintRule = `root = if this.type() == "array" {
  this.filter(k -> !["` +
	metaOffset + `", "` + metaKey + `", "` + metaTimestampMs + `", "` + metaTimestampUnix + `", "` + metaHeaders + `"].contains(k)).
  map_each(k -> "` + errBadKey + `".format(k))
}`

// A rule of a list of objects is tried on the list and on each of them.
const saslLintRule = `root = match {
  this.type() != "object" => []
  this.mechanism == "` + saslOAuth + `" && this.token.or("") == "" => ["` + errNoToken + `"]
  this.mechanism != "` + saslOAuth + `" && this.username.or("") == "" => ["` + errNoUser + `".format(this.mechanism)]
}`

// A topic with partitions, or a partition or range that goes on with the topic
// before it.
const (
	namedPartitionsPattern = `^[A-Za-z0-9._-]{1,249}:[0-9]{1,9}(-[0-9]{1,9})?(:[0-9]{1,18})?$`
	morePartitionsPattern  = `^[0-9]{1,9}(-[0-9]{1,9})?$`
)

// A regular expression is tried by matching with it: an invalid one is an error
// whatever the text. A range is upside down when sorting its ends changes them.
const topicsModeLintRule = `
let include = this.regexp_topics_include.or([])
let topics = this.topics.or([])
let patterns = if $include.length() > 0 { $include } else if this.regexp_topics { $topics } else { [] }
let names = if $patterns.length() > 0 { [] } else {
  $topics.map_each(item -> item.string().split(",")).flatten().map_each(s -> s.trim()).filter(s -> s != "")
}
let parts = $names.any(t -> t.contains(":"))
let group = this.consumer_group.or("").trim()
let exclude = this.regexp_topics_exclude.or([])
`

const inputLintRule = topicsModeLintRule + `
root = [
  if $topics.length() == 0 && $include.length() == 0 { ["` + errNoTopics + `"] } else { [] },
  if $topics.length() > 0 && $include.length() > 0 { ["` + errTopicsTwice + `"] } else { [] },
  if $exclude.length() > 0 && $patterns.length() == 0 { ["` + errExclude + `"] } else { [] },
  $patterns.filter(t -> "".re_match(t.string()).catch("bad").type() == "string").map_each(t -> "` + errBadRegexp + `".format(t)),
  $exclude.filter(t -> "".re_match(t.string()).catch("bad").type() == "string").map_each(t -> "` + errBadExclude + `".format(t)),
  if $parts {
    $names.filter(t -> !t.contains(":") && !t.re_match("""` + morePartitionsPattern + `""")).map_each(t -> "` + errMixedTopics + `".format(t)).
      concat($names.filter(t -> t.contains(":") && !t.re_match("""` + namedPartitionsPattern + `""")).map_each(t -> "` + errBadPartition + `".format(t))).
      concat($names.map_each(t -> {"item": t, "ends": t.re_replace_all("^[^:]*:", "").split(":").index(0).split("-").map_each(n -> n.number(0))}).
        filter(r -> r.ends.sort() != r.ends).map_each(r -> "` + errBadPartition + `".format(r.item)))
  } else {
    $names.filter(t -> !t.re_match("""` + topicPattern + `""")).map_each(t -> "` + errBadTopic + `".format(t))
  },
  if $parts && $group != "" { ["` + errGroupAndPartitions + `".format($group)] } else { [] },
  if !$parts && $group == "" { ["` + errNoGroup + `"] } else { [] },
  if $parts && this.exactly_once { ["` + errOnceNeedsGroup + `"] } else { [] },
  if $patterns.length() > 0 && this.exactly_once { ["` + errOnceRegexp + `"] } else { [] },
  if this.start_timestamp.or("") != "" && !this.start_timestamp.re_match("""` + timestampPattern + `""") {
    ["` + errBadTimestamp + `".format(this.start_timestamp)]
  } else { [] },
  ["commit_period", "session_timeout", "rebalance_timeout", "heartbeat_interval", "metadata_max_age", "fetch_max_wait",
   "topic_lag_refresh_period", "request_timeout_overhead", "conn_idle_timeout"].
    filter(f -> this.get(f).parse_duration().catch(1) <= 0).
    map_each(f -> "%s (%s) must be more than 0".format(f, this.get(f))),
  if this.records_per_message < 1 { ["` + errPerMessage + `".format(this.records_per_message)] } else { [] },
  if this.records_per_message > 1 && this.exactly_once { ["` + errFramedOnce + `".format(this.records_per_message)] } else { [] },
  if this.records_per_message > 1 && this.record_metadata.or([]).length() > 0 {
    ["` + errFramedMetadata + `".format(this.records_per_message)]
  } else { [] },
  if this.commit_period.parse_duration().catch(0) > 0 && this.commit_period.parse_duration().catch(0) < 100000000 {
    ["` + errCommitPeriod + `".format(this.commit_period)]
  } else { [] },
  if this.heartbeat_interval.parse_duration().catch(0) >= this.session_timeout.parse_duration().catch(1) {
    ["` + errHeartbeat + `".format(this.heartbeat_interval, this.session_timeout)]
  } else { [] }
].flatten()`

// A time of RFC 3339.
const timestampPattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`

func bytesLintRule(field string) string {
	return `root = if !this.string().re_match("""` + bytesPattern + `""") || this.string().re_match("""^\s*[0.]+\s*[A-Za-z]*\s*$""") { ["` + field + ` (%s) is no size: expected is one such as 1MiB".format(this)] }`
}

// durationField is a field that is a duration, which the host's linter takes for a text.
func durationField(name string) *service.ConfigField {
	return service.NewDurationField(name).
		LintRule(`root = if this.parse_duration().catch(null) == null { ["` + name + ` (%v) is no duration: expected is one such as 1s".format(this)] }`)
}
