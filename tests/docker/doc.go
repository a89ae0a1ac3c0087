// Package docker tests the image: it builds the Dockerfile, and runs what comes of it as
// operators do, by docker run and by the service of the shipped compose file, with servers
// of tests/stack beside it (make docker-test).
//
// It uses the Docker engine that runs. Where none does it starts one of its own, without
// networks of its own, for which it needs root and dockerd (Debian's docker.io, which
// make docker-test installs). Where the registry is not reached the two base images are
// made of what the machine has: busybox, the Go toolchain, certificates and time zones.
package docker
