//go:build !unix

package main

import "github.com/redpanda-data/benthos/v4/public/service"

// watchSwitch does nothing: there are no such signals here.
func watchSwitch(*service.Resources) {}
