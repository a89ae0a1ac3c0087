//go:build long

package kafka

import "testing"

func TestKafkaKeepsTheContractOfInputsExactlyOnce(t *testing.T) { keepsTheContract(t, false, true) }
