package prometheus

// Kind is the sort of a series.
type Kind string

// The kinds of series.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// Series is what is known of one metric: what components call it, and what
// Prometheus is told.
type Series struct {
	// Host is the name that components publish it under.
	Host string
	// Name is the name in Prometheus without namespace and without the suffix of
	// counters.
	Name string
	Kind Kind
	Help string
	// Labels are its own; the host adds label, path and, with streams, stream.
	Labels []string
	// Scale turns the host's unit into Prometheus': nanoseconds into seconds as a
	// rule. Zero is one.
	Scale float64
	// Buckets are the upper bounds of a histogram; nil means the configured ones.
	Buckets []float64
	// Of says which component publishes it: one of ours, or empty for the host's.
	Of string
}

// FullName is the name in Prometheus.
func (s Series) FullName() string {
	if s.Kind == KindCounter {
		return Namespace + "_" + s.Name + "_total"
	}
	return Namespace + "_" + s.Name
}

// Namespace begins the name of every series of the exporter but those of the Go
// runtime and of the process, which have names of their own.
const Namespace = "data_bridge"

// The components that publish a series.
const (
	ofBuffer    = "backpressure"
	ofSource    = "pausable_nats, pausable_nats_jetstream, pausable_kafka"
	ofNATS      = "pausable_nats"
	ofJetStream = "pausable_nats_jetstream"
	ofKafka     = "pausable_kafka"
	ofOutput    = "clickhouse"
	nanoseconds = 1e-9
)

var (
	pauseBuckets  = []float64{0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
	insertBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120}
	rowBuckets    = []float64{1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 200_000, 500_000, 1_000_000}
	// timeBuckets are for timers of the host and of others.
	timeBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
)

// Catalogue returns every series that is known, ours first.
func Catalogue() []Series {
	var all []Series
	for _, group := range [][]Series{bufferSeries, sourceSeries, outputSeries, hostSeries} {
		all = append(all, group...)
	}
	return all
}

var bufferSeries = []Series{
	{Of: ofBuffer, Host: "backpressure_level", Name: "backpressure_level_records", Kind: KindGauge, Help: "Records accepted from inputs and not acknowledged by the output yet: queued, in flight, or waiting for a retry."},
	{Of: ofBuffer, Host: "backpressure_level_bytes", Name: "backpressure_level_bytes", Kind: KindGauge, Help: "What the records of the level weigh."},
	{Of: ofBuffer, Host: "backpressure_limit", Name: "backpressure_limit_records", Kind: KindGauge, Help: "The hard bound of the level: max_buffer_size."},
	{Of: ofBuffer, Host: "backpressure_limit_bytes", Name: "backpressure_limit_bytes", Kind: KindGauge, Help: "The hard bound of the level in bytes: max_bytes. 0 when bytes are not bounded."},
	{Of: ofBuffer, Host: "backpressure_pause_threshold", Name: "backpressure_pause_threshold_records", Kind: KindGauge, Help: "Inputs pause when the level is above."},
	{Of: ofBuffer, Host: "backpressure_pause_threshold_bytes", Name: "backpressure_pause_threshold_bytes", Kind: KindGauge, Help: "Inputs pause when the level in bytes is above. 0 when bytes are not bounded."},
	{Of: ofBuffer, Host: "backpressure_yield_threshold", Name: "backpressure_yield_threshold_records", Kind: KindGauge, Help: "Inputs that can wait fill the buffer up to here."},
	{Of: ofBuffer, Host: "backpressure_yield_threshold_bytes", Name: "backpressure_yield_threshold_bytes", Kind: KindGauge, Help: "Inputs that can wait fill the buffer up to here, in bytes. 0 when bytes are not bounded."},
	{Of: ofBuffer, Host: "backpressure_resume_threshold", Name: "backpressure_resume_threshold_records", Kind: KindGauge, Help: "Inputs resume when the level is below."},
	{Of: ofBuffer, Host: "backpressure_resume_threshold_bytes", Name: "backpressure_resume_threshold_bytes", Kind: KindGauge, Help: "Inputs resume when the level in bytes is below. 0 when bytes are not bounded."},
	{Of: ofBuffer, Host: "backpressure_enabled", Name: "backpressure_enabled", Kind: KindGauge, Help: "1 while a high level pauses the inputs, 0 while the emergency switch keeps it from doing so (enabled: false)."},
	{Of: ofBuffer, Host: "backpressure_alert_after_seconds", Name: "backpressure_alert_after_seconds", Kind: KindGauge, Help: "A pause longer than this is alerted."},
	{Of: ofBuffer, Host: "backpressure_overrides", Name: "backpressure_overrides", Kind: KindGauge, Help: "Settings that an operator has changed since the start and that differ from the configuration, to which a restart returns."},
	{Of: ofBuffer, Host: "backpressure_active", Name: "backpressure_active", Kind: KindGauge, Help: "1 while the level pauses the inputs, else 0."},
	{Of: ofBuffer, Host: "backpressure_operator_paused", Name: "backpressure_operator_paused", Kind: KindGauge, Labels: []string{"input"}, Help: "1 while an operator pauses the input, else 0."},
	{Of: ofBuffer, Host: "backpressure_pauses", Name: "backpressure_pauses", Kind: KindCounter, Labels: []string{"reason"}, Help: "Pauses that began, by reason: level, bytes or operator."},
	{Of: ofBuffer, Host: "backpressure_paused_seconds", Name: "backpressure_paused_seconds", Kind: KindCounter, Labels: []string{"reason"}, Help: "Time spent paused, by reason. It grows while a pause lasts; pauses that overlap count each."},
	{Of: ofBuffer, Host: "backpressure_pause_ns", Name: "backpressure_pause_seconds", Kind: KindHistogram, Scale: nanoseconds, Buckets: pauseBuckets, Labels: []string{"reason"}, Help: "Length of pauses that have ended, by reason."},
	{Of: ofBuffer, Host: "backpressure_oldest_seconds", Name: "backpressure_oldest_record_age_seconds", Kind: KindGauge, Help: "How long the oldest record of the level has been held. 0 when there is none."},
	{Of: ofBuffer, Host: "backpressure_rejected_batches", Name: "backpressure_rejected_batches", Kind: KindCounter, Help: "Batches that the output rejected as a whole, to be tried again."},
	{Of: ofBuffer, Host: "backpressure_alerts_sent", Name: "backpressure_alerts_sent", Kind: KindCounter, Help: "Alerts that the output of alerts has taken."},
	{Of: ofBuffer, Host: "backpressure_alerts_lost", Name: "backpressure_alerts_lost", Kind: KindCounter, Help: "Alerts that were given up: the output of alerts did not take them, or too many waited for it."},
	{Of: ofBuffer, Host: "backpressure_alerts_waiting", Name: "backpressure_alerts_waiting", Kind: KindGauge, Help: "Alerts that wait for the output of alerts."},
	{Of: ofBuffer, Host: "backpressure_heartbeat_timestamp_seconds", Name: "backpressure_heartbeat_timestamp_seconds", Kind: KindGauge, Help: "When the last heartbeat record was logged, in Unix time. 0 once the stream has stopped."},
}

var sourceSeries = []Series{
	ofInput("source_received", "source_received_records", KindCounter, "Records that the source delivered, dropped ones included."),
	ofInput("source_accepted", "source_accepted_records", KindCounter, "Records that the buffer took."),
	ofInput("source_dropped", "source_dropped_records", KindCounter, "Records discarded because of a pause, by configuration (on_pause), or because the connection or the input ended while they were queued in the client."),
	ofInput("source_conflated", "source_conflated_records", KindCounter, "Records that a newer one of their key took the place of during a pause."),
	ofInput("source_slow_consumer", "source_slow_consumer_records", KindCounter, "Records that the client discarded because its own queue was full."),
	ofInput("source_lost", "source_lost_records", KindCounter, "Records that the source discarded before they were delivered: by retention or the limits of a stream while nobody read them, by a purge or a deletion, with a topic that was deleted, or with a log that was cut off. Of Kafka an upper bound: markers of transactions and what compaction removed count as well. Of JetStream exact; of a consumer that reads some of its stream's subjects at least so many."),
	ofInput("source_lost_at_stop", "source_lost_at_stop_records", KindCounter, "Records lost because the stream, or the input, was stopped or replaced before they were stored, and their source delivers nothing again (core NATS): those that the buffer had accepted, and those that were still queued in the client, which count as dropped too."),
	ofInput("source_buffered", "source_buffered_records", KindGauge, "The input's share of the level."),
	ofInput("source_paused", "source_paused", KindGauge, "1 while the input is paused, by whomever, else 0."),
	ofInput("source_yielding", "source_yielding", KindGauge, "1 while the input waits for room below the yield threshold, or did a moment ago, and is not paused, else 0. An input that cannot wait never does."),
	ofInput("source_yielded_seconds", "source_yielded_seconds", KindCounter, "Time that the input has waited for room below the yield threshold: flow control, and no pause."),
	ofInput("source_connected", "source_connected", KindGauge, "0 while the source should be reached and is not, else 1."),
	ofInput("source_lag", "source_lag_records", KindGauge, "Records that the source holds and that are not settled yet: those of a JetStream consumer, whoever of its replicas says so, or of all partitions of Kafka that are owned. Core NATS holds none. Without a partition, see source_partitions, it is 0 and says nothing."),
	{Of: ofKafka, Host: "source_partitions", Name: "source_partitions", Kind: KindGauge, Labels: []string{"input", "kind"}, Help: "Partitions that are assigned to the input."},
	{Of: ofKafka, Host: "source_group_joined", Name: "source_group_joined", Kind: KindGauge, Labels: []string{"input", "kind"}, Help: "0 while the input waits to be let into its consumer group, else 1."},
	{Of: ofKafka, Host: "kafka_lag", Name: "kafka_lag_records", Kind: KindGauge, Labels: []string{"topic", "partition"}, Help: "Records that a partition holds and that are not settled yet. 0 once another member owns it."},
	{Of: ofKafka, Host: "kafka_chunks_announced", Name: "kafka_chunks_announced", Kind: KindCounter, Help: "Chunks of a partition announced for exactly-once delivery."},
	{Of: ofKafka, Host: "kafka_chunks_reformed", Name: "kafka_chunks_reformed", Kind: KindCounter, Help: "Chunks formed again as somebody before had announced them."},
	{Of: ofNATS, Host: "nats_nacked", Name: "nats_nacked_messages", Kind: KindCounter, Help: "Messages rejected by a stream without our buffer, and lost: core NATS delivers nothing again."},
	{Of: ofJetStream, Host: "jetstream_redelivered", Name: "jetstream_redelivered_messages", Kind: KindCounter, Help: "Messages that the server delivered again."},
	{Of: ofJetStream, Host: "jetstream_repeated", Name: "jetstream_repeated_messages", Kind: KindCounter, Help: "Messages delivered again while they were held, or after they had been settled: left out."},
	{Of: ofJetStream, Host: "jetstream_nacked", Name: "jetstream_nacked_messages", Kind: KindCounter, Help: "Messages rejected by the stream, which the server delivers again."},
	{Of: ofJetStream, Host: "jetstream_discarded", Name: "jetstream_discarded_messages", Kind: KindCounter, Help: "Messages that were rejected and that nobody can deliver again: their stream was made anew."},
	{Of: ofJetStream, Host: "jetstream_terminated", Name: "jetstream_terminated_messages", Kind: KindCounter, Help: "Messages given up after max_deliveries, and told so to the server."},
	{Of: ofJetStream, Host: "jetstream_stalls", Name: "jetstream_stalls", Kind: KindCounter, Help: "Requests for messages that failed or that the server did not answer in time."},
}

// ofInput is a series of every pausable input.
func ofInput(host, name string, kind Kind, help string) Series {
	return Series{Of: ofSource, Host: host, Name: name, Kind: kind, Help: help, Labels: []string{"input", "kind"}}
}

var outputSeries = []Series{
	{Of: ofOutput, Host: "clickhouse_rows", Name: "clickhouse_inserted_rows", Kind: KindCounter, Labels: []string{"table"}, Help: "Rows stored."},
	{Of: ofOutput, Host: "clickhouse_bytes", Name: "clickhouse_inserted_bytes", Kind: KindCounter, Labels: []string{"table"}, Help: "What the records weighed, as they came, whose rows were stored."},
	{Of: ofOutput, Host: "clickhouse_batches", Name: "clickhouse_inserts", Kind: KindCounter, Labels: []string{"table"}, Help: "Inserts that succeeded."},
	{Of: ofOutput, Host: "clickhouse_batch_rows", Name: "clickhouse_insert_rows", Kind: KindHistogram, Labels: []string{"table"}, Buckets: rowBuckets, Help: "Rows of an insert that succeeded."},
	{Of: ofOutput, Host: "clickhouse_insert_ns", Name: "clickhouse_insert_seconds", Kind: KindHistogram, Scale: nanoseconds, Labels: []string{"table"}, Buckets: insertBuckets, Help: "How long an insert took that succeeded, its last attempt alone."},
	{Of: ofOutput, Host: "clickhouse_retries", Name: "clickhouse_retries", Kind: KindCounter, Labels: []string{"table", "class"}, Help: "Attempts that failed and are tried again, by class of the error."},
	{Of: ofOutput, Host: "clickhouse_retry_queue", Name: "clickhouse_retry_queue_batches", Kind: KindGauge, Labels: []string{"table"}, Help: "Batches that wait for a retry, or behind one that does."},
	{Of: ofOutput, Host: "clickhouse_retry_oldest_seconds", Name: "clickhouse_retry_oldest_age_seconds", Kind: KindGauge, Labels: []string{"table"}, Help: "How long the oldest batch of the retry queue has been with the output. 0 when there is none."},
	{Of: ofOutput, Host: "clickhouse_retry_rows", Name: "clickhouse_retry_queue_rows", Kind: KindGauge, Labels: []string{"table"}, Help: "Rows of the table in those batches."},
	{Of: ofOutput, Host: "clickhouse_held_rows", Name: "clickhouse_held_rows", Kind: KindGauge, Labels: []string{"table"}, Help: "Rows that are settled and not acknowledged yet, since they came in one batch with rows of this table, which are not: of other tables, and dead letters."},
	{Of: ofOutput, Host: "clickhouse_parked_rows", Name: "clickhouse_parked_rows", Kind: KindGauge, Help: "Rows that are kept for somebody to act, since too many were bad before an insert: a processor has failed at them, or their table cannot be told."},
	{Of: ofOutput, Host: "clickhouse_processor_errors", Name: "clickhouse_processor_errors", Kind: KindCounter, Labels: []string{"table"}, Help: "Records that a processor of the stream had failed at: dead letters, or stored all the same, as on_processor_error says."},
	{Of: ofOutput, Host: "clickhouse_deduplicated_rows", Name: "clickhouse_deduplicated_rows", Kind: KindCounter, Labels: []string{"table"}, Help: "Rows whose insert the server has recognised as one that it had stored before. They are not among the rows stored."},
	{Of: ofOutput, Host: "clickhouse_unmatched_rows", Name: "clickhouse_unmatched_rows", Kind: KindCounter, Labels: []string{"table"}, Help: "Records of which no column took anything: stored as defaults, or dead letters, as missing_fields says."},
	{Of: ofOutput, Host: "clickhouse_default_inserts", Name: "clickhouse_default_inserts", Kind: KindCounter, Labels: []string{"table"}, Help: "Inserts that were made beside the first of a batch, because its records lack different columns whose defaults only the server can work out: at most seven, unless the server refuses to take all of them by one."},
	{Of: ofOutput, Host: "clickhouse_dead_letters", Name: "clickhouse_dead_letters", Kind: KindCounter, Labels: []string{"table"}, Help: "Rows handed to the dead-letter output. The table is empty where it could not be told."},
	{Of: ofOutput, Host: "clickhouse_dead_letters_waiting", Name: "clickhouse_dead_letters_waiting", Kind: KindGauge, Help: "Rows that wait for the dead-letter output to take them. They hold up what came with them."},
	{Of: ofOutput, Host: "clickhouse_connected", Name: "clickhouse_connected", Kind: KindGauge, Help: "0 while ClickHouse should be reached and is not, else 1."},
	{Of: ofOutput, Host: "clickhouse_replica_up", Name: "clickhouse_replica_up", Kind: KindGauge, Labels: []string{"server"}, Help: "1 while the server is taken to be there, 0 while its circuit breaker is open."},
}
