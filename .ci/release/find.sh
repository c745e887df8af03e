#!/usr/bin/env bash
# Prints where a policy-host is: the one on the PATH, else the one that was released with this version of the project,
# which is fetched once and held against its checksum, and where `gh` is there against its attestation.
#
# The project's own hooks and its action run it. POLICY_HOST_REPOSITORY (a URL) and POLICY_HOST_REF (a commit or tag) say
# what it is a part of where it does not stand in a clone. Only a commit that has the tag of its version was released.
set -euo pipefail
cd "$(dirname "$0")/../.."
# A hook of git has these for the repository that is committed to.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

if command -v policy-host; then exit 0; fi

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
machine=$(uname -m)
machine=${machine/arm64/aarch64}
kind=tar.gz
case $(uname -s) in
Linux) target=$machine-unknown-linux-musl ;;
Darwin) target=$machine-apple-darwin ;;
*) target=$machine-pc-windows-gnu kind=zip ;;
esac
name=policy-host-$version-$target
kept=$PWD/target/released/$name/policy-host
[ "$kind" = tar.gz ] || kept=$kept.exe
if [ -x "$kept" ]; then
    echo "$kept"
    exit 0
fi

fail() {
    echo "error: there is no policy-host on the PATH, and none can be fetched: $*" >&2
    exit 2
}
repository=${POLICY_HOST_REPOSITORY:-$(git remote get-url origin 2>/dev/null)} || true
[ -n "$repository" ] || fail "it is not known where this is from"
repository=${repository%.git}
ref=${POLICY_HOST_REF:-$(git rev-parse HEAD 2>/dev/null)} || true
tag=v$version
if [ "$ref" != "$tag" ]; then
    tagged=$(git ls-remote "$repository" "refs/tags/$tag" "refs/tags/$tag^{}") || fail "$repository does not answer"
    grep -q "^${ref:-nothing}[[:space:]]" <<<"$tagged" || fail "${ref:-this} is not the release $tag"
fi

case $repository in
https://*) releases=$repository/releases/download/$tag ;;
/*) releases=file://$repository/releases/download/$tag ;;
*) fail "$repository is no https address" ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for file in "$name.$kind" SHA256SUMS; do
    curl --fail --silent --show-error --location --retry 3 --output "$folder/$file" "$releases/$file" ||
        fail "$releases/$file"
done
hashed=$(cd "$folder" && if command -v sha256sum >/dev/null; then sha256sum "$name.$kind"; else shasum -a 256 "$name.$kind"; fi)
grep -qx "${hashed%% *}  $name.$kind" "$folder/SHA256SUMS" || fail "$name.$kind has another checksum than its release says"
case $repository in
https://github.com/*)
    if command -v gh >/dev/null && gh auth status >/dev/null 2>&1; then
        gh attestation verify "$folder/$name.$kind" --repo "${repository#https://github.com/}" >&2 ||
            fail "$name.$kind has no attestation of $repository"
    fi
    ;;
esac
if [ "$kind" = zip ]; then unzip -q "$folder/$name.$kind" -d "$folder"; else tar xzf "$folder/$name.$kind" -C "$folder"; fi
mkdir -p target/released
rm -rf "target/released/$name"
mv "$folder/$name" target/released/
echo "$kept"
