package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// describeMachine is what the figures were taken on, as far as it can be told.
func describeMachine() string {
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	memory, _ := os.ReadFile("/proc/meminfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	text := fmt.Sprintf("%d cores", runtime.NumCPU())
	if model := field(string(cpu), "model name"); model != "" {
		text += " of " + model
	}
	var kB int64
	if _, err := fmt.Sscan(field(string(memory), "MemTotal"), &kB); err == nil {
		text += fmt.Sprintf(", %.0f GiB of memory", float64(kB)/(1<<20))
	}
	return text + fmt.Sprintf(", %s/%s %s", runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)))
}

// field is the value of the first "name : value" in a text of the kernel's.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// software is the versions of all that takes part.
func (s *servers) software(bin string) []string {
	versions := []string{
		s.kafka.Name(),
		"ClickHouse " + s.clickhouse.Version(),
		runtime.Version(),
	}
	for _, of := range []struct {
		label, path string
		modules     []string
	}{
		{"harness", "bench/bench", []string{"github.com/nats-io/nats-server/v2"}},
		{"hand-written", "bench/ceiling", []string{"github.com/twmb/franz-go", "github.com/nats-io/nats.go", "github.com/ClickHouse/ch-go", "github.com/ClickHouse/clickhouse-go/v2"}},
		{nameBridge, "data-bridge", []string{"github.com/redpanda-data/benthos/v4", "github.com/ClickHouse/clickhouse-go/v2"}},
		{nameConnect, "bench/connect", []string{"github.com/redpanda-data/connect/v4", "github.com/redpanda-data/benthos/v4", "github.com/ClickHouse/clickhouse-go/v2"}},
	} {
		versions = append(versions, of.label+": "+modules(filepath.Join(bin, filepath.FromSlash(of.path)), of.modules))
	}
	return versions
}

// modules is the versions of some modules in a binary.
func modules(path string, wanted []string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "unknown (" + err.Error() + ")"
	}
	return versions(info, wanted)
}

func versions(info *buildinfo.BuildInfo, wanted []string) string {
	var found []string
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			found = append(found, "revision "+setting.Value[:min(12, len(setting.Value))])
		}
	}
	for _, want := range wanted {
		for _, dep := range info.Deps {
			if dep.Path == want {
				found = append(found, strings.TrimPrefix(want, "github.com/")+" "+dep.Version)
			}
		}
	}
	return strings.Join(found, ", ")
}
