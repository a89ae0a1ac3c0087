package stack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A preparedKafka is what a broker of a release starts from with less than half
// the work: its classes, loaded and verified, and its storage, formatted.
type preparedKafka struct{ libs, dir string }

func (p preparedKafka) classes() string { return filepath.Join(p.dir, "classes.jsa") }
func (p preparedKafka) storage() string { return filepath.Join(p.dir, "storage") }

// prepareKafka is the cache's prepared release of those jars. It is made anew for
// each Java and each folder of jars: a JVM takes no classes that are another's.
func prepareKafka(ctx context.Context, version, libs string) (preparedKafka, error) {
	java, err := fingerprintOfJava()
	if err != nil {
		return preparedKafka{}, err
	}
	key := sha256.Sum256([]byte(java + libs))
	dir, err := install(fmt.Sprintf("kafka-%s-prepared-%x", version, key[:6]), func(dir string) error {
		return preparedKafka{libs: libs, dir: dir}.fill(ctx)
	})
	return preparedKafka{libs: libs, dir: dir}, err
}

// fingerprintOfJava differs for each Java that is installed.
func fingerprintOfJava() (string, error) {
	path, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("running Apache Kafka needs java: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", fmt.Errorf("finding out which java there is: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("finding out which java there is: %w", err)
	}
	return fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()), nil
}

// fill formats the storage and lets a broker work a little, whose JVM writes down
// the classes as it ends.
func (p preparedKafka) fill(ctx context.Context) error {
	listen, controller, err := twoAddresses()
	if err != nil {
		return err
	}
	home := filepath.Join(p.dir, "home")
	data, config := filepath.Join(home, "data"), filepath.Join(home, "server.properties")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, brokerConfig, listen, controller, data, listen), 0o600); err != nil {
		return err
	}
	if _, err := run(ctx, home, "java", javaArgs(p.libs, nil, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", config)...); err != nil {
		return fmt.Errorf("formatting Kafka's storage: %w", err)
	}
	if err := os.CopyFS(p.storage(), os.DirFS(data)); err != nil {
		return fmt.Errorf("keeping Kafka's formatted storage: %w", err)
	}
	if err := p.writeClasses(ctx, home, config, listen); err != nil {
		return err
	}
	return removeAll(home)
}

// writeClasses leaves no archive behind, and no error, where the JVM cannot write one.
func (p preparedKafka) writeClasses(ctx context.Context, home, config, listen string) error {
	options := []string{"-XX:+IgnoreUnrecognizedVMOptions", "-XX:ArchiveClassesAtExit=" + p.classes()}
	broker := kafkaProcess(home, listen, javaArgs(p.libs, options, "kafka.Kafka", config))
	if err := broker.start(ctx); err != nil {
		return err
	}
	return errors.Join(workALittle(ctx, listen), broker.stop())
}

// workALittle makes a broker do what the tests make it do: a topic, records, a
// group that reads them and commits.
func workALittle(ctx context.Context, addr string) error {
	const topic, records = "prepared", 10
	if err := (&Kafka{addr: addr}).CreateTopic(ctx, topic, 1); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(topic), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	for i := range records {
		if err := client.ProduceSync(ctx, kgo.StringRecord(strconv.Itoa(i))).FirstErr(); err != nil {
			return fmt.Errorf("producing to Kafka: %w", err)
		}
	}
	for read := 0; read < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading from Kafka: %w", err)
		}
		read += fetches.NumRecords()
	}
	return client.CommitUncommittedOffsets(ctx)
}
