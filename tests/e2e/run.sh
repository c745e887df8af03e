#!/bin/bash
# Builds the real engines, registries and their tools, kept in Go's build cache, and runs the tests
# against them.
#
#   tests/e2e/run.sh [engines|registries] [ARGUMENTS OF go test]      tests/e2e/run.sh engines -run Gatekeeper
#
# The first build takes a quarter of an hour on two cores, later ones a few seconds.
set -euo pipefail
cd "$(dirname "$0")"
bin=$PWD/../../target/e2e/bin
export PATH=$PATH:$bin/../python/go/bin
../toolchain.sh e2e "$bin/../python"
mkdir -p "$bin"

packages=(. ./oci)
case "${1:-}" in
  engines) packages=(.); shift ;;
  registries) packages=(./oci); shift ;;
esac
tests() { [[ " ${packages[*]} " == *" $1 "* ]]; }

# Kyverno has a module of its own, in kyverno/; so have a registry and its client, in registry/.
build() { # DIRECTORY NAME PACKAGE [LINKER FLAGS]
  echo "e2e: build $2" >&2
  nice -n 10 timeout 45m go build -C "$1" -ldflags "-s -w ${4:-}" -o "$bin/$2" "$3"
}

if tests .; then
  kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  # Without these it says that it is v0.0.0-master, and clients judge by the version what it can do.
  version=k8s.io/component-base/version
  minor=${kubernetes#v1.}
  version="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"
  build . kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$version"
  build . kubectl k8s.io/kubernetes/cmd/kubectl "$version"
  build . etcd go.etcd.io/etcd/server/v3
  build . gatekeeper github.com/open-policy-agent/gatekeeper/v3
  build kyverno kyverno github.com/kyverno/kyverno/cmd/kyverno
fi
build . gator github.com/open-policy-agent/gatekeeper/v3/cmd/gator
build kyverno kubectl-kyverno github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno
# Kyverno verifies with cosign's packages, so the command costs little more than its linking.
build kyverno cosign github.com/sigstore/cosign/v3/cmd/cosign
build registry olareg github.com/olareg/olareg/cmd/olareg
if tests ./oci; then
  build registry oras oras.land/oras/cmd/oras
fi

# Never from the cache: what is tested is not among the tests' sources. One package after the other: the
# machine is small.
exec go test -count=1 -timeout 15m -p 1 -v "$@" "${packages[@]}"
