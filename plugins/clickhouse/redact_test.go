package clickhouse

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
)

// What an error is survives the loss of its secrets: retries depend on it.
func TestRedactedErrorsKeepTheirClass(t *testing.T) {
	s := serverConfig{password: "s3cr3t/x", jwt: "token"}
	full := fmt.Errorf("inserting: %w", &clickhouse.Exception{Code: 516, Message: "wrong s3cr3t/x, s3cr3t%2Fx or token"})
	err := s.redact(full)
	assert.Equal(t, "inserting: code: 516, message: wrong ***, *** or ***", err.Error())
	assert.Equal(t, accessFault, classify(err))
	assert.True(t, neverSent(s.redact(&dialError{address: "s3cr3t/x", err: errors.New("refused")})))
}
