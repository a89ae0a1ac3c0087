package nats

import (
	"fmt"
	"strings"
	"time"
)

// The lint rules say what validate says, before anything is started. They are
// Bloblang, and see the value of their field as this.

const (
	authAmbiguous = "auth: user, token, nkey_file and user_credentials_file exclude each other: set one"
	authNoUser    = "auth: password is set without user: set both"
)

// Rules over lists belong to the component: the linter would apply those of a
// list field to its items as well. Each of these sets a list of complaints.

const urlsLint = `let urls = this.urls.or([])
let url_lints = if $urls.length() == 0 {
  ["urls is empty: name at least one server, such as nats://127.0.0.1:4222"]
} else {
  $urls.map_each(item -> item.string().split(",")).flatten().map_each(u -> u.trim()).
    filter(u -> !u.re_match("""` + urlPattern + `""")).
    map_each(u -> "urls: \"%s\" is no NATS URL: nats://host:port is expected, or the scheme tls, ws or wss".
      format(u.re_replace_all("""` + userinfoPattern + `""", "${1}***@")))
}
`

const subjectsLint = `let subjects = this.subjects.or([])
let subject_lints = if $subjects.length() == 0 {
  ["subjects is empty: name at least one, such as market.ticks.>"]
} else ` + subjectListLint

// subjectListLint ends a rule over subjects that may be there.
const subjectListLint = `if $subjects.unique().length() != $subjects.length() {
  ["subjects: one is named twice, which would deliver its messages twice"]
} else {
  $subjects.map_each(s -> s.string()).filter(s -> !s.re_match("""` + subjectPattern + `""")).
    map_each(s -> "subjects: \"%s\" is no NATS subject: tokens without spaces, separated by single dots, > only as the last one".format(s))
}
`

const limitsLint = `let limit_lints = if this.pending_limits.messages < this.batch.count {
  ["pending_limits.messages (%v) is less than batch.count (%v): a full batch could never wait in the queue".format(this.pending_limits.messages, this.batch.count)]
} else { [] }
`

const leaveWithoutQueue = "on_pause: leave is for a queue group, whose other members take over: set queue, or choose drop or conflate"

const leaveLint = `let leave_lints = if this.on_pause == "leave" && this.queue.or("") == "" { ["` + leaveWithoutQueue + `"] } else { [] }
`

const coreLintRule = leaveLint + urlsLint + subjectsLint + limitsLint + framedMetadataLint + `root = $url_lints.concat($subject_lints, $limit_lints, $frame_lints, $leave_lints)`

const queueLintRule = `root = if this.re_match("""\s""") { ["queue: \"%s\" contains a space: a queue group's name must not".format(this)] }`

const authLintRule = `let ways = [this.user.or(""), this.token.or(""), this.nkey_file.or(""), this.user_credentials_file.or("")].filter(s -> s != "").length()
root = if $ways > 1 {
  ["` + authAmbiguous + `"]
} else if this.password.or("") != "" && this.user.or("") == "" {
  ["` + authNoUser + `"]
}`

// badPrefix serves the lint rule and the constructor alike.
const badPrefix = "%s: %q is no prefix of subjects: tokens without spaces, * and >, separated by single dots, are required, and no dot at the end"

func prefixLintRule(field string) string {
	return `root = if !this.re_match("""` + prefixPattern + `""") { ["` + strings.NewReplacer("%s", field, "%q", `\"%s\"`).Replace(badPrefix) + `".format(this)] }`
}

// atLeastLintRule refuses integers below a minimum.
func atLeastLintRule(name string, minimum int) string {
	return fmt.Sprintf(`root = if this < %d { ["%s: %%v is too small: at least %d is required".format(this)] }`, minimum, name, minimum)
}

// durationLintRule refuses negative durations and what is none.
func durationLintRule(name string) string {
	return durationLintRuleOf(name, 0, "negative: 0s or more is required")
}

// durationLintRuleOf refuses durations below a minimum, in these words.
func durationLintRuleOf(name string, minimum time.Duration, words string) string {
	return fmt.Sprintf(`let d = this.string().parse_duration().catch("none")
root = if $d == "none" {
  ["%[1]s: \"%%v\" is no duration: write 10ms, 1s or 2m".format(this)]
} else if $d < %[2]d {
  ["%[1]s: \"%%v\" is %[3]s".format(this)]
}`, name, minimum.Nanoseconds(), words)
}

// recordMetadataLintRule says what validateRecordMetadata says.
func recordMetadataLintRule(possible []string) string {
	return fmt.Sprintf(`root = if this.type() == "array" {
  this.filter(k -> !["%s"].contains(k)).
  map_each(k -> "record_metadata: \"%%s\" is unknown: %s are possible".format(k))
}`, strings.Join(possible, `", "`), inWords(possible))
}
