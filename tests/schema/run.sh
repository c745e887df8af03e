#!/bin/bash
# Writes what the rule `schema-valid` knows of Kubernetes' own kinds, from the module that tests/e2e names, and holds the
# table of deprecated versions against the newest k8s.io/api that it was written from.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
version=$(cd tests/e2e && go list -m -f '{{.Version}}' k8s.io/kubernetes)
folder=$(cd tests/e2e && go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
python3 tests/schema/generate.py "$folder/api/openapi-spec/swagger.json" "$version" >policies/sdk/kubernetes/schema/types.rs
folder=$(cd tests/e2e && go mod download -json k8s.io/api@v0.37.2 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
python3 tests/schema/lifecycle.py "$folder" policies/sdk/tables/deprecated_apis.rs
