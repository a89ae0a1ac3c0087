package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// composedService is what these tests look at of one of docker-compose.yml.
type composedService struct {
	ContainerName string            `yaml:"container_name"`
	Ports         []string          `yaml:"ports"`
	CapDrop       []string          `yaml:"cap_drop"`
	ReadOnly      bool              `yaml:"read_only"`
	Privileged    bool              `yaml:"privileged"`
	NetworkMode   string            `yaml:"network_mode"`
	SecurityOpt   []string          `yaml:"security_opt"`
	MemLimit      string            `yaml:"mem_limit"`
	Volumes       []string          `yaml:"volumes"`
	Environment   map[string]string `yaml:"environment"`
	Logging       struct {
		Driver  string
		Options map[string]string
	}
}

func composed(t *testing.T) map[string]composedService {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docker-compose.yml"))
	require.NoError(t, err)
	var file struct{ Services map[string]composedService }
	require.NoError(t, yaml.Unmarshal(text, &file))
	require.Contains(t, file.Services, "data-bridge")
	return file.Services
}

// Default passwords reach no further than this host: no port is published elsewhere.
func TestComposePublishesOnLoopbackAlone(t *testing.T) {
	published := 0
	for name, s := range composed(t) {
		assert.Empty(t, s.NetworkMode, name)
		for _, p := range s.Ports {
			published++
			host, rest, ok := strings.Cut(p, ":")
			assert.True(t, ok && net.ParseIP(host).IsLoopback() && strings.Contains(rest, ":"), "%s publishes %s beyond this host", name, p)
		}
	}
	assert.Positive(t, published)
}

// What servers keep outlives their containers.
func TestComposeKeepsWhatServersHold(t *testing.T) {
	for name, folder := range map[string]string{"nats": "/data", "kafka": "/var/lib/kafka/data", "clickhouse": "/var/lib/clickhouse", "data-bridge": "/var/lib/data-bridge"} {
		kept := slices.ContainsFunc(composed(t)[name].Volumes, func(v string) bool { return strings.HasSuffix(v, ":"+folder) })
		assert.True(t, kept, "%s keeps %s in no volume", name, folder)
	}
	assert.Equal(t, "/var/lib/kafka/data", composed(t)["kafka"].Environment["KAFKA_LOG_DIRS"])
}

// The bridge has no right that it does not need, and no container gains one; logs do
// not fill the disk.
func TestComposeGivesNoMoreThanIsNeeded(t *testing.T) {
	services := composed(t)
	for name, s := range services {
		assert.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
		assert.False(t, s.Privileged, name)
		assert.NotEmpty(t, s.Logging.Options["max-size"], name)
		assert.NotEmpty(t, s.Logging.Options["max-file"], name)
		assert.False(t, slices.ContainsFunc(s.Volumes, func(v string) bool { return strings.Contains(v, "docker.sock") }), name)
	}
	bridge := services["data-bridge"]
	assert.Equal(t, "data-bridge", bridge.ContainerName)
	assert.Equal(t, []string{"ALL"}, bridge.CapDrop)
	assert.True(t, bridge.ReadOnly)
	assert.Regexp(t, `^\d+m$`, bridge.MemLimit)
	assert.Equal(t, []string{"dead-letters:/var/lib/data-bridge"}, bridge.Volumes, "where it writes")
}
