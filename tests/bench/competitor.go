package main

import (
	"fmt"
	"path/filepath"
)

// source is where records come from.
type source string

const (
	sourceKafka     source = "Kafka"
	sourceNATS      source = "NATS"
	sourceJetStream source = "JetStream"
	sourceShipped   source = "shipped pipeline"
)

var sources = []source{sourceKafka, sourceNATS, sourceJetStream, sourceShipped}

// Names of the competitors. Ratios are against the first and against Connect.
const (
	nameCeiling  = "hand-written, ch-go"
	nameColumnar = "hand-written, clickhouse-go"
	nameFramed   = "hand-written, ch-go, 1,000 records a message"
	nameBridge   = "data-bridge"
	nameTogether = "data-bridge, records_per_message: 1000"
	nameConnect  = "Redpanda Connect"
)

// competitor is one program on one source.
type competitor struct {
	Source  source
	Name    string
	Records int
	Frame   int // records in a message
	// command says how it is started on a dataset.
	command func(servers *servers, name, group string) command
}

// command is a process to start.
type command struct {
	path string
	args []string
	env  map[string]string
}

func (c competitor) String() string { return fmt.Sprintf("%s/%s", c.Source, c.Name) }

// dataset is what it reads: competitors that read the same share it.
func (c competitor) dataset() dataset { return dataset{c.Source, c.Records, c.Frame} }

// competitors are all of them, in the order of the table.
func competitors(p plan, bin string) []competitor {
	var all []competitor
	for _, s := range []struct {
		source        source
		fast, connect int
	}{
		{sourceKafka, p.Kafka, p.ConnectKafka},
		{sourceNATS, p.NATS, p.ConnectNATS},
		{sourceJetStream, p.JetStream, p.ConnectJetStream},
	} {
		all = append(all,
			competitor{s.source, nameCeiling, s.fast, 1, ceiling(bin, s.source, "chgo")},
			competitor{s.source, nameColumnar, s.fast, 1, ceiling(bin, s.source, "clickhouse-go")},
			competitor{s.source, nameFramed, s.fast, frame, ceiling(bin, s.source, "chgo")},
			competitor{s.source, nameBridge, s.fast, 1, bridge(bin, s.source, nil)},
			competitor{s.source, nameTogether, s.fast, 1, bridge(bin, s.source, map[string]string{"RECORDS_PER_MESSAGE": "1000"})},
			competitor{s.source, nameConnect, s.connect, 1, connect(bin, s.source)},
		)
	}
	return append(all,
		competitor{sourceShipped, nameCeiling, p.Shipped, 1, ceiling(bin, sourceShipped, "chgo")},
		competitor{sourceShipped, nameBridge, p.Shipped, 1, shipped(bin)},
		competitor{sourceShipped, nameConnect, p.ConnectShipped, 1, connectShipped(bin)},
	)
}

// short is the source in file names and flags.
func (s source) short() string {
	switch s {
	case sourceKafka:
		return "kafka"
	case sourceNATS:
		return "nats"
	case sourceJetStream:
		return "jetstream"
	}
	return "shipped"
}

func ceiling(bin string, from source, client string) func(*servers, string, string) command {
	return func(s *servers, name, group string) command {
		address := s.nats.URL()
		if from == sourceKafka {
			address = s.kafka.Addr()
		}
		return command{path: filepath.Join(bin, "bench", "ceiling"), args: []string{
			"-source", from.short(), "-address", address, "-brokers", s.kafka.Addr(), "-name", name, "-group", group,
			"-clickhouse", s.clickhouse.NativeAddr(), "-client", client,
		}}
	}
}

func bridge(bin string, from source, env map[string]string) func(*servers, string, string) command {
	return benthos(filepath.Join(bin, "data-bridge"), "bridge_"+from.short()+".yaml", env)
}

func connect(bin string, from source) func(*servers, string, string) command {
	return benthos(filepath.Join(bin, "bench", "connect"), "connect_"+from.short()+".yaml", map[string]string{"GOGC": "400"})
}

// benthos runs a configuration of this folder; its variables name the dataset.
func benthos(path, config string, env map[string]string) func(*servers, string, string) command {
	return func(s *servers, name, group string) command {
		c := command{path: path, args: []string{"run", filepath.Join("tests", "bench", "config", config)}, env: s.env()}
		c.env["TOPIC"], c.env["SUBJECT"], c.env["STREAM"], c.env["GROUP"] = name, name, name, group
		for k, v := range env {
			c.env[k] = v
		}
		return c
	}
}

// connectShipped runs the same three streams, each as a stream of its own in one
// process: so each has the buffer and the batches that are best for its source.
func connectShipped(bin string) func(*servers, string, string) command {
	return func(s *servers, name, group string) command {
		config := func(part string) string {
			return filepath.Join("tests", "bench", "config", "connect_shipped"+part+".yaml")
		}
		c := command{path: filepath.Join(bin, "bench", "connect"), env: s.env(), args: []string{
			"streams", "--no-api", "-o", config(""), config("_ticks"), config("_candles"), config("_external"),
		}}
		c.env["GOGC"], c.env["TOPIC"], c.env["GROUP"] = "400", name, group
		c.env["TICKS"], c.env["CANDLES"] = name+".ticks.>", name+".candles.>"
		return c
	}
}

// shipped runs config/bridge.yaml, which has a variable for everything.
func shipped(bin string) func(*servers, string, string) command {
	return func(s *servers, name, group string) command {
		c := command{path: filepath.Join(bin, "data-bridge"), args: []string{"run", filepath.Join("config", "bridge.yaml")}, env: s.env()}
		c.env["NATS_TICKS_SUBJECT"] = name + ".ticks.>"
		c.env["NATS_CANDLES_SUBJECT"] = name + ".candles.>"
		c.env["KAFKA_TOPICS"], c.env["KAFKA_GROUP"] = name, group
		c.env["CLICKHOUSE_DATABASE"] = "market"
		c.env["CLICKHOUSE_TIME_PRECISION"] = "truncate" // 18.16 has no DateTime64
		c.env["LOG_LEVEL"] = "WARN"
		return c
	}
}
