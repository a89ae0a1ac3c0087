//go:build !unix

package main

// keepFilesPrivate does nothing: files have no mode here.
func keepFilesPrivate() {}
