// Package kubernetes checks the manifests of config/kubernetes: it builds them as
// kubectl apply -k does, decodes every object strictly into its own API type, and
// compares them with each other, with the shipped pipeline and with the image.
//
// It is a module of its own, so that nothing of Kubernetes enters ours.
package kubernetes
