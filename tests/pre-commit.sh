#!/usr/bin/env bash
# Runs the hooks of this repository by the real pre-commit, from PyPI, in a repository of its own.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/pre-commit
[ -x "$venv/bin/pre-commit" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet 'pre-commit==4.*'; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$root/target/release:$PATH PRE_COMMIT_HOME=$work/cache POLICY_HOST_CACHE=$work/verdicts
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name somebody
git config --global user.email somebody@example.org

# pre-commit takes hooks from a repository's commits, so the hooks of the working tree become one.
git init -q "$work/hooks"
cp "$root/.pre-commit-hooks.yaml" "$work/hooks"
mkdir -p "$work/hooks/.ci/release"
cp "$root"/.ci/release/{find,hook}.sh "$work/hooks/.ci/release"
git -C "$work/hooks" add .
git -C "$work/hooks" commit -qm hooks

git init -q "$work/repository"
cd "$work/repository"
cat > .pre-commit-config.yaml <<YAML
repos:
  - repo: $work/hooks
    rev: $(git -C "$work/hooks" rev-parse HEAD)
    hooks: [{id: policy-host}, {id: policy-host-changes}]
YAML
cat > pod.yaml <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostPID: true, containers: []}
YAML
git add .
git commit -qm one

run() { "$venv/bin/pre-commit" run --all-files --color never "$@"; }
expect() { # WHAT OUTPUT TEXT
    grep -q "$3" <<<"$2" || { echo "error: $1: no \"$3\" in:"$'\n'"$2" >&2; exit 1; }
}

all=$(run policy-host 2>&1) && { echo "error: the hook let findings pass" >&2; exit 1; }
expect "all of the repository" "$all" "exit code: 1"
expect "all of the repository" "$all" "pod.yaml:4"
changes=$(run policy-host-changes 2>&1)
expect "no change" "$changes" "Passed"
sed 's/web/other/' pod.yaml > new.yaml
git add new.yaml
changes=$(run policy-host-changes 2>&1) && { echo "error: the hook let a new finding pass" >&2; exit 1; }
expect "a new file" "$changes" "new.yaml:4"
sed -i 's/id: policy-host}/id: policy-host, pass_filenames: true}/' .pre-commit-config.yaml
echo 'exclude: [pod.yaml]' > policy-host.yaml
git add .
named=$(run policy-host 2>&1) && { echo "error: the hook let findings pass" >&2; exit 1; }
expect "files by name" "$named" "new.yaml:4"
if grep -q "pod.yaml:4" <<<"$named"; then echo "error: the hook judged what is excluded" >&2; exit 1; fi
echo "pre-commit: both hooks do what they say"
