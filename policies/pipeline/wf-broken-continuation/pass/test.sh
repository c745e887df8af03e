#!/bin/sh
go test ./... \
  --timeout 5m
echo a\ b
cat <<EOF
a \ 
b
EOF
