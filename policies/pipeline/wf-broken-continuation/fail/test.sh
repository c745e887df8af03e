#!/bin/sh
# a comment \ 
go test ./... \ 
  --timeout 5m
