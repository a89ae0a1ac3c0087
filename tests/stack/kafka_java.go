package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// javaBroker is Apache Kafka in a JVM of its own.
type javaBroker struct{ *process }

// brokerConfig is one node that is broker and controller, tuned for a quick
// start and for consumer groups that form at once.
const brokerConfig = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[4]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
num.partitions=4
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=50
group.consumer.heartbeat.interval.ms=100
group.consumer.min.assignment.interval.ms=0
group.consumer.assignment.interval.ms=0
log.cleaner.enable=false
metadata.max.idle.interval.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
`

// brokerACLs makes the broker ask who may do what.
const brokerACLs = `authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
`

// clusterID is any KRaft cluster id: 16 bytes in base64.
const clusterID = "ZGF0YS1icmlkZ2Utc3RhYw"

func newJavaBroker(release preparedKafka, k *Kafka) (*javaBroker, error) {
	controller, err := FreePort()
	if err != nil {
		return nil, err
	}
	config, data := filepath.Join(k.dir, "server.properties"), filepath.Join(k.dir, "data")
	text := fmt.Sprintf(brokerConfig, k.listen, address(controller), data, k.addr)
	if k.opts.ACLs {
		text += brokerACLs
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing Kafka's configuration: %w", err)
	}
	if err := os.CopyFS(data, os.DirFS(release.storage())); err != nil {
		return nil, fmt.Errorf("laying out Kafka's storage: %w", err)
	}
	options := []string{"-XX:SharedArchiveFile=" + release.classes()}
	if k.opts.Brief {
		options = append(options, "-XX:TieredStopAtLevel=1")
	}
	return &javaBroker{kafkaProcess(k.dir, k.addr, javaArgs(release.libs, options, "kafka.Kafka", config))}, nil
}

// kafkaProcess is a broker that works in dir, and is ready when it answers at addr.
func kafkaProcess(dir, addr string, args []string) *process {
	return &process{
		name:    "Kafka",
		logPath: filepath.Join(dir, "server.log"),
		command: func() *exec.Cmd {
			cmd := exec.Command("java", args...)
			cmd.Dir = dir
			return cmd
		},
		ready: func(ctx context.Context) error { return pingKafka(ctx, addr) },
	}
}

// javaArgs are the arguments of a JVM that runs main; -Xshare:auto makes do
// without an archive of classes that is missing or another JVM's.
func javaArgs(libs string, options []string, main ...string) []string {
	return slices.Concat([]string{
		"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto", "-Djava.awt.headless=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
	}, options, []string{"-cp", filepath.Join(libs, "*")}, main)
}

func (b *javaBroker) resume() error { return b.signal(signalContinue) }

// kafkaVersion is the release that tests use unless they say otherwise. It is
// part of the cache folder's name, so that a new version is fetched.
const kafkaVersion = "3.9.1"

// installKafka is the folder of the jars of that release in the cache.
func installKafka(ctx context.Context, version string) (string, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("running Apache Kafka needs java and mvn: %w", err)
		}
	}
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	pom := filepath.Join(root, "tests", "kafka", "pom.xml")
	dir, err := install("kafka-"+version, func(dir string) error {
		progress("fetching Apache Kafka %s by Maven (about 46 MB)", version)
		_, err := run(ctx, root, "mvn", "--batch-mode", "--quiet", "--file", pom,
			"dependency:copy-dependencies", "-DoutputDirectory="+filepath.Join(dir, "libs"),
			"-Dkafka.version="+version)
		return err
	})
	return filepath.Join(dir, "libs"), err
}
