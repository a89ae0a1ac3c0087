package server

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What an error is survives the loss of its secrets: retries depend on it.
func TestRedactedErrorsKeepTheirClass(t *testing.T) {
	c := Config{Password: Text("s3cr3t/x"), JWT: Text("token")}
	full := fmt.Errorf("inserting: %w", &Exception{Code: 516, Message: "wrong s3cr3t/x, s3cr3t%2Fx or token"})
	err := c.Redact(full)
	assert.Equal(t, "inserting: code: 516, message: wrong ***, *** or ***", err.Error())
	assert.Equal(t, AccessFault, Classify(err))
	assert.True(t, NeverSent(c.Redact(&DialError{Address: "s3cr3t/x", Err: errors.New("refused")})))
}
