package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The metrics of the process are served beside the page too, behind the same password.
func TestTheStatusListenerServesMetricsToWhoSignsIn(t *testing.T) {
	address := freeAddress(t)
	config := written(t, "bridge.yaml", `
input: {generate: {mapping: root = 1, interval: 1m}}
buffer: {backpressure: {status_server: {address: "`+address+`", basic_auth: {enabled: true, username: me, password: password}}}}
output: {drop: {}}
http: {enabled: false}
metrics: {prometheus: {}}
logger: {format: json}
`)
	b := startBridge(t, binary, "", nil, "run", config)
	b.await("Serving GET /health")
	site := "http://" + address
	code, answer := answerTo(t, http.MethodGet, site+"/metrics", "", "", nil)
	assert.Equal(t, http.StatusUnauthorized, code)
	assert.NotContains(t, answer, "data_bridge")
	code, answer = answerTo(t, http.MethodGet, site+"/metrics", "", "", map[string]string{"Authorization": "Basic bWU6cGFzc3dvcmQ="})
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, answer, "data_bridge_build_info")
	code, answer = answerTo(t, http.MethodGet, site+"/health", "", "", nil)
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"service": "data-bridge", "status": "healthy"}`, answer)
}
