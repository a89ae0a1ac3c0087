package e2e

import (
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// example writes a shipped example with the rig's ClickHouse in it, and what
// edit changes, and returns where.
func (r *rig) example(name string, edit func(config map[string]any)) (path string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config/examples", name+".yaml"))
	require.NoError(r.t, err)
	var config map[string]any
	require.NoError(r.t, yaml.Unmarshal(text, &config))
	config["http"] = map[string]any{"enabled": false}
	set(config["output"].(map[string]any)["clickhouse"], map[string]any{
		"addresses": []string{r.ch.Addr()}, "protocol": r.ch.Protocol(), "username": r.ch.User(), "password": r.ch.Password(),
	})
	edit(config)
	text, err = yaml.Marshal(config)
	require.NoError(r.t, err)
	path = filepath.Join(r.t.TempDir(), "config.yaml")
	require.NoError(r.t, os.WriteFile(path, text, 0o600))
	return path
}

func set(object any, fields map[string]any) {
	for name, value := range fields {
		object.(map[string]any)[name] = value
	}
}
