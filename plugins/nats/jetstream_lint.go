package nats

import "fmt"

// A stream's or consumer's name is a part of subjects.
const namePattern = `^[^\s.*>/\\]+$`

func nameLintRule(field string) string {
	return fmt.Sprintf(`root = if !this.re_match("""`+namePattern+`""") { ["%s: \"%%s\" is no name: one without spaces, dots, *, > and slashes is required".format(this)] }`, field)
}

const jetSubjectsLint = `let subjects = this.subjects.or([])
let subject_lints = if this.bind && $subjects.length() > 0 {
  ["subjects: a consumer that is bound to keeps its own: leave the list empty"]
} else ` + subjectListLint

const startLint = `let start_lints = if this.deliver == "by_start_sequence" && this.start_sequence < 1 {
  ["start_sequence (%v) must be at least 1 with deliver: by_start_sequence".format(this.start_sequence)]
} else if this.deliver != "by_start_sequence" && this.start_sequence != 0 {
  ["start_sequence is for deliver: by_start_sequence only (deliver is %s)".format(this.deliver)]
} else if this.deliver == "by_start_time" && this.start_time.ts_parse("2006-01-02T15:04:05Z07:00").catch("bad") == "bad" {
  ["start_time: \"%s\" is no time: one such as 2026-01-31T00:00:00Z is required with deliver: by_start_time".format(this.start_time)]
} else if this.deliver != "by_start_time" && this.start_time != "" {
  ["start_time is for deliver: by_start_time only (deliver is %s)".format(this.deliver)]
} else { [] }
`

const ackPendingLint = `let pending_lints = if this.max_ack_pending == 0 || this.max_ack_pending < -1 {
  ["max_ack_pending (%v) must be at least 1, or -1 for any number".format(this.max_ack_pending)]
} else if !this.bind && this.max_ack_pending > 0 && this.max_ack_pending < this.pending_limits.messages {
  ["max_ack_pending (%v) is less than pending_limits.messages (%v): the server would stop before what is asked for has come".format(this.max_ack_pending, this.pending_limits.messages)]
} else if !this.bind && this.max_ack_pending > 0 && this.max_ack_pending <= 40000 {
  ["max_ack_pending (%v) is not above 40000, the default pause_threshold of the backpressure buffer: the server would stop before the gate can pause. There is nothing to gain by less: leave it out".format(this.max_ack_pending)]
} else { [] }
`

const apiLint = `let api_lints = if this.domain.or("") != "" && this.api_prefix.or("") != "" { ["` + apiAmbiguous + `"] } else { [] }
`

const jetLintRule = apiLint + urlsLint + jetSubjectsLint + startLint + ackPendingLint + limitsLint + framedMetadataLint +
	`root = $url_lints.concat($subject_lints, $start_lints, $pending_lints, $limit_lints, $frame_lints, $api_lints)`
