package kubernetes

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// environment is what the container is given, without its Secret.
func environment(t *testing.T, s *set, c corev1.Container) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		m := config(s, from.ConfigMapRef.Name)
		require.NotNil(t, m, from.ConfigMapRef.Name)
		maps.Copy(env, m.Data)
	}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	require.NotContains(t, env, "CLICKHOUSE_PASSWORD", "is the Secret's")
	return env
}

func config(s *set, name string) *corev1.ConfigMap {
	for _, m := range s.configs {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// ownPipeline is the pipeline that an overlay brings; empty where the image's is run.
func ownPipeline(s *set) string {
	for _, m := range s.configs {
		if text, ok := m.Data["pipeline.yaml"]; ok {
			return text
		}
	}
	return ""
}

func pipelineDefault(t *testing.T, s *set, variable string) string {
	t.Helper()
	text := ownPipeline(s)
	if text == "" {
		text = read(t, "config/bridge.yaml")
	}
	m := regexp.MustCompile(`\$\{` + variable + `:([^}]*)\}`).FindStringSubmatch(text)
	require.NotNil(t, m, variable)
	return m[1]
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}
