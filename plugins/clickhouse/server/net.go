package server

import (
	"errors"
	"net"
)

// isTimeout reports whether a read has ended with its deadline.
func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}
