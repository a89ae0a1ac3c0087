package main

import "time"

// plan is how much is measured.
type plan struct {
	Rounds int
	// Records of each run, by source, and of Connect, which is slower: figures
	// are normalised, and a run should last for seconds, not minutes.
	Kafka, NATS, JetStream                      int
	ConnectKafka, ConnectNATS, ConnectJetStream int
	Shipped, ConnectShipped                     int
	// Latency is how long records are published for it.
	Latency time.Duration
	// Resumes is how often ClickHouse stalls for each source.
	Resumes int
}

var (
	fullPlan = plan{
		Rounds: 5,
		Kafka:  8_000_000, NATS: 5_000_000, JetStream: 2_000_000,
		ConnectKafka: 800_000, ConnectNATS: 400_000, ConnectJetStream: 200_000,
		Shipped: 1_500_000, ConnectShipped: 300_000,
		Latency: 30 * time.Second,
		Resumes: 5,
	}
	quickPlan = plan{
		Rounds: 2,
		Kafka:  1_000_000, NATS: 600_000, JetStream: 400_000,
		ConnectKafka: 300_000, ConnectNATS: 150_000, ConnectJetStream: 100_000,
		Shipped: 300_000, ConnectShipped: 150_000,
		Latency: 8 * time.Second,
		Resumes: 3,
	}
)

const (
	// frame is how many records a framed message holds.
	frame = 1000
	// partitions of each topic.
	partitions = 4
	// window is how many records may be published to core NATS and not stored.
	window = 250_000
	// shippedWindow is the same for each of the three streams of the shipped
	// pipeline: more than a batch, and all three less than the level above which it
	// would pause, and drop.
	shippedWindow = 12_000
	// latencyRate is the records a second of the three streams together.
	latencyRate = 10_000
)
