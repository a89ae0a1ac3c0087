package kafka

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

const topicsLintRule = `root = if this.type() == "array" && (this.length() == 0 || this.any(t -> t.string().trim() == "")) { ["` + errNoTopics + `"] }`

const consumerGroupLintRule = `root = if this.trim() == "" { ["` + errNoGroup + `"] }`

const batchCountLintRule = `root = if this < 1 { ["batch.count (%v) must be at least 1".format(this)] }`

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

// A regular expression is tried by matching with it: an invalid one is an error
// whatever the text.
const inputLintRule = `root = [
  if this.regexp_topics {
    this.topics.map_each(t -> if "".re_match(t.string()).catch("bad").type() == "string" { "` + errBadRegexp + `".format(t) } else { deleted() })
  } else {
    this.topics.map_each(item -> item.string().split(",")).flatten().map_each(s -> s.trim()).
      filter(t -> t != "" && !t.re_match("""` + topicPattern + `""")).
      map_each(t -> "` + errBadTopic + `".format(t))
  },
  ["commit_period", "session_timeout", "rebalance_timeout", "heartbeat_interval", "metadata_max_age", "fetch_max_wait"].
    filter(f -> this.get(f).parse_duration().catch(1) <= 0).
    map_each(f -> "%s (%s) must be more than 0".format(f, this.get(f))),
  if this.heartbeat_interval.parse_duration().catch(0) >= this.session_timeout.parse_duration().catch(1) {
    ["` + errHeartbeat + `".format(this.heartbeat_interval, this.session_timeout)]
  } else { [] }
].flatten()`

func bytesLintRule(field string) string {
	return `root = if !this.re_match("""` + bytesPattern + `""") { ["` + field + ` (%s) is no size: expected is one such as 1MiB".format(this)] }`
}
