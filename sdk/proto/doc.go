// Package proto is the wire form of the plugin protocol, made from
// plugin.proto. Plugin authors use package sdk instead; authors in other
// languages start from plugin.proto, which explains the handshake.
package proto

// protoc 3.21, protoc-gen-go v1.36.12, protoc-gen-go-grpc v1.6.2.
//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto
