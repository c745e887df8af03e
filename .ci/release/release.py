#!/usr/bin/env python3
"""Makes what a release holds from built binaries. Needs nothing but Python and cargo.

  release.py archive TARGET BINARY TOOL OUT   an archive of the binary, with completions and manual pages by TOOL, a
                                              policy-host that runs here, licences and an inventory
  release.py finish OUT REPOSITORY            SHA256SUMS of all archives in OUT, and the Homebrew formula

The same inputs give the same bytes: times are those of the commit, or SOURCE_DATE_EPOCH.
"""

import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import uuid
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "policy-host"
RULES_TARGET = "wasm32-unknown-unknown"
SHELLS = {
    "bash": "completions/policy-host.bash",
    "zsh": "completions/_policy-host",
    "fish": "completions/policy-host.fish",
    "powershell": "completions/_policy-host.ps1",
}
# What Homebrew installs, by its own names of systems and processors.
FORMULA_TARGETS = {
    ("macos", "arm"): "aarch64-apple-darwin",
    ("macos", "intel"): "x86_64-apple-darwin",
    ("linux", "arm"): "aarch64-unknown-linux-musl",
    ("linux", "intel"): "x86_64-unknown-linux-musl",
}


def version():
    """The one version, of the workspace."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def epoch():
    """Seconds since 1970 that everything in an archive is dated."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or run("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---------------------------------------------------------------------------------------------
# What the binary is made of


def packages(target):
    """The crates whose code is in the binary: of the host for its target, and of the rules for WebAssembly."""
    found = {}
    edges = {}
    for platform, wanted in [(target, is_host), (RULES_TARGET, is_pack)]:
        command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", platform]
        metadata = json.loads(run(*command, "--manifest-path", str(ROOT / "Cargo.toml")))
        known = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        waiting = [identity for identity in metadata["workspace_members"] if wanted(known[identity])]
        while waiting:
            identity = waiting.pop()
            if identity in edges and platform in edges[identity]["platforms"]:
                continue
            found[identity] = known[identity]
            linked = [
                dependency["pkg"]
                for dependency in nodes[identity]["deps"]
                if any(kind["kind"] is None for kind in dependency["dep_kinds"])
                and not is_procedural_macro(known[dependency["pkg"]])
            ]
            entry = edges.setdefault(identity, {"platforms": set(), "linked": set()})
            entry["platforms"].add(platform)
            entry["linked"].update(linked)
            waiting.extend(linked)
    return found, {identity: entry["linked"] for identity, entry in edges.items()}


def is_host(package):
    return package["name"] == NAME


def is_pack(package):
    return pathlib.Path(package["manifest_path"]).parent.parent == ROOT / "policies"


def is_procedural_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def inventory(target, binary, found, edges):
    """A CycloneDX document."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
    reference = {identity: f"pkg:cargo/{package['name']}@{package['version']}" for identity, package in found.items()}
    host = next(identity for identity, package in found.items() if is_host(package))
    packs = [identity for identity, package in found.items() if is_pack(package)]

    def component(identity):
        package = found[identity]
        entry = {
            "type": "library",
            "bom-ref": reference[identity],
            "name": package["name"],
            "version": package["version"],
            "purl": reference[identity],
        }
        if package["license"]:
            # Cargo still takes the old form with a slash.
            entry["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
        if checksum := checksums.get((package["name"], package["version"])):
            entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return entry

    def linked(identity):
        own = set(edges[identity]) | (set(packs) if identity == host else set())
        return sorted(reference[other] for other in own)

    program = component(host) | {"type": "application", "hashes": [{"alg": "SHA-256", "content": sha256(binary)}]}
    others = sorted((identity for identity in found if identity != host), key=reference.get)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, target + sha256(binary))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": program,
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(identity) for identity in others],
        "dependencies": [
            {"ref": reference[identity], "dependsOn": linked(identity)} for identity in [host, *others]
        ],
    }


def notices(found):
    """The licence texts of others, each once, with the crates that have it."""
    texts = {}
    for package in found.values():
        if package["source"] is None:
            continue
        crate = f"{package['name']} {package['version']} ({package['license'] or 'see the text'})"
        folder = pathlib.Path(package["manifest_path"]).parent
        named = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
        files = sorted(path for path in folder.iterdir() if path.is_file() and named.match(path.name))
        # A crate without a text has that of its licence, by its name.
        for text in [path.read_text(errors="replace").strip() for path in files] or [""]:
            texts.setdefault(text, set()).add(crate)
    parts = [f"{NAME} holds code of these projects, under their licences.\n"]
    for text, crates in sorted(texts.items(), key=lambda entry: sorted(entry[1])):
        parts.append("\n".join(["-" * 80, *sorted(crates), "", text, ""]))
    return "\n".join(parts).encode()


# ---------------------------------------------------------------------------------------------
# Archives


def archive(target, binary, tool, out):
    binary = pathlib.Path(binary).read_bytes()
    windows = "-windows-" in target
    found, edges = packages(target)
    sbom = json.dumps(inventory(target, binary, found, edges), indent=1).encode() + b"\n"
    files = {
        f"{NAME}.exe" if windows else NAME: (binary, 0o755),
        "LICENSE": ((ROOT / "LICENSE").read_bytes(), 0o644),
        "README.md": ((ROOT / "README.md").read_bytes(), 0o644),
        "THIRD-PARTY-LICENSES.txt": (notices(found), 0o644),
        f"{NAME}.cdx.json": (sbom, 0o644),
    }
    for shell, path in SHELLS.items():
        files[path] = (run(tool, "completions", shell).encode(), 0o644)
    with tempfile.TemporaryDirectory() as pages:
        run(tool, "man", "--out", pages)
        for page in pathlib.Path(pages).iterdir():
            files[f"man/man1/{page.name}"] = (page.read_bytes(), 0o644)
    stem = f"{NAME}-{version()}-{target}"
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{stem}.{'zip' if windows else 'tar.gz'}"
    entries = [(f"{stem}/{name}", *files[name]) for name in sorted(files)]
    path.write_bytes(zipped(entries) if windows else tarred(entries))
    (out / f"{stem}.cdx.json").write_bytes(sbom)
    print(path)


def tarred(entries):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for name, data, mode in entries:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), mode, epoch()
            writer.addfile(member, io.BytesIO(data))
    return gzip.compress(tar.getvalue(), mtime=0)


def zipped(entries):
    buffer = io.BytesIO()
    date = datetime.datetime.fromtimestamp(max(epoch(), 315532800), datetime.UTC)  # zip begins in 1980
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, data, mode in entries:
            member = zipfile.ZipInfo(name, date.timetuple()[:6])
            member.external_attr, member.compress_type, member.create_system = mode << 16, zipfile.ZIP_DEFLATED, 3
            writer.writestr(member, data)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------
# All archives together


def finish(out, repository):
    out = pathlib.Path(out)
    files = sorted(path for path in out.iterdir() if path.name.startswith(f"{NAME}-{version()}-"))
    if not files:
        sys.exit(f"error: there is no archive of version {version()} in {out}")
    sums = {path.name: sha256(path.read_bytes()) for path in files}
    formula_text = formula(sums, repository)
    (out / f"{NAME}.rb").write_text(formula_text)
    sums[f"{NAME}.rb"] = sha256(formula_text.encode())
    (out / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    print(out / "SHA256SUMS")


def formula(sums, repository):
    """A Homebrew formula for the archives that there are."""
    blocks = []
    for system in ["macos", "linux"]:
        block = []
        for processor in ["arm", "intel"]:
            name = f"{NAME}-{version()}-{FORMULA_TARGETS[system, processor]}.tar.gz"
            if name in sums:
                url = f"https://github.com/{repository}/releases/download/v{version()}/{name}"
                block.append(f'    on_{processor} do\n      url "{url}"\n      sha256 "{sums[name]}"\n    end\n')
        if block:
            blocks.append(f"  on_{system} do\n{''.join(block)}  end\n\n")
    return f"""# Generated by .ci/release/release.py from the checksums of the release; do not edit.
class PolicyHost < Formula
  desc "Checks Kubernetes manifests, Dockerfiles, workflows and Terraform against rules"
  homepage "https://github.com/{repository}"
  version "{version()}"
  license "Apache-2.0"

{''.join(blocks)}  def install
    bin.install "policy-host"
    bash_completion.install "{SHELLS['bash']}" => "policy-host"
    zsh_completion.install "{SHELLS['zsh']}"
    fish_completion.install "{SHELLS['fish']}"
    man1.install Dir["man/man1/*.1"]
  end

  test do
    assert_match version.to_s, shell_output("#{{bin}}/policy-host --version")
    (testpath/"pod.yaml").write "apiVersion: v1\\nkind: Pod\\nmetadata: {{name: web}}\\nspec: {{hostPID: true}}\\n"
    assert_match "pod.yaml", shell_output("#{{bin}}/policy-host eval pod.yaml", 1)
  end
end
"""


def main(arguments):
    match arguments:
        case ["archive", target, binary, tool, out]:
            archive(target, binary, tool, out)
        case ["finish", out, repository]:
            finish(out, repository)
        case ["version"]:
            print(version())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
