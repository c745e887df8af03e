#!/bin/bash
# Builds the real engines, kept in Go's build cache, and runs the tests against them.
#
#   tests/e2e/run.sh [ARGUMENTS OF go test]      tests/e2e/run.sh -run Gatekeeper
#
# The first build takes a quarter of an hour on two cores, later ones a few seconds.
set -euo pipefail
cd "$(dirname "$0")"
bin=$PWD/../../target/e2e/bin
export PATH=$PATH:$bin/../python/go/bin
../toolchain.sh e2e "$bin/../python"
mkdir -p "$bin"

# Kyverno has a module of its own, in kyverno/.
build() { # DIRECTORY NAME PACKAGE [LINKER FLAGS]
  echo "e2e: build $2" >&2
  nice -n 10 timeout 45m go build -C "$1" -ldflags "-s -w ${4:-}" -o "$bin/$2" "$3"
}

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
# Without these it says that it is v0.0.0-master, and clients judge by the version what it can do.
version=k8s.io/component-base/version
minor=${kubernetes#v1.}
version="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"
build . kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$version"
build . kubectl k8s.io/kubernetes/cmd/kubectl "$version"
build . etcd go.etcd.io/etcd/server/v3
build . gatekeeper github.com/open-policy-agent/gatekeeper/v3
build . gator github.com/open-policy-agent/gatekeeper/v3/cmd/gator
build kyverno kyverno github.com/kyverno/kyverno/cmd/kyverno
build kyverno kubectl-kyverno github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno

# Never from the cache: what is tested is not among the tests' sources.
exec go test -count=1 -timeout 15m -v "$@" .
