use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};

policy_sdk::rule! {
    /// Images are not fixed to one platform
    ///
    /// The final stage, and those that it is built from, have no literal `--platform`, unless the name of the file or
    /// of a stage has the platform in it. Nor is it `$BUILDPLATFORM`, which is right for stages that only build.
    ///
    /// ## Why
    /// The image runs on one architecture whatever it is built for: on the others it does not start, or is emulated.
    /// With `$BUILDPLATFORM` it has the architecture of whoever built it.
    ///
    /// ## Fix
    /// Drop `--platform` from the final stage. Cross-compile in the stage that builds:
    ///
    /// ```dockerfile
    /// FROM --platform=$BUILDPLATFORM golang:1.25 AS build
    /// ARG TARGETOS TARGETARCH
    /// RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .
    /// FROM gcr.io/distroless/static-debian12:nonroot
    /// COPY --from=build /app /app
    /// ```
    findings: {
        /// The image has the architecture of the machine that builds it
        BuildPlatform: Medium, Certain;
        /// The image is fixed to one platform
        Literal: Low, Certain;
        /// The platform is what it would be anyway
        Redundant: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: DevProdParity,
    peers: ["HL:DL3029"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    for stage in file.shipped() {
        let platform = stage.get("platform");
        match platform.text() {
            "" => {}
            "$BUILDPLATFORM" | "${BUILDPLATFORM}" if file.starts() => {
                let message =
                    "the image has the architecture of the machine that builds it, not the one that it is built for";
                findings.report(Code::BuildPlatform, &platform, message);
            }
            "$TARGETPLATFORM" | "${TARGETPLATFORM}" => {
                findings.report(Code::Redundant, &platform, "`$TARGETPLATFORM` is the platform of a stage anyway");
            }
            text if text.contains('$') => {}
            text => {
                let architecture = text.split('/').nth(1).unwrap_or(text);
                let names = [file.path, stage.name(), stage.image().text()];
                let synonym = match architecture {
                    "amd64" => "x86_64",
                    "arm64" => "aarch64",
                    other => other,
                };
                if !names.iter().any(|name| name.contains(architecture) || name.contains(synonym)) {
                    findings.report(Code::Literal, &platform, format!("the image is fixed to `{text}`"));
                }
            }
        }
    }
    Ok(())
}
