# The image of a release: a static program, and the certificates of public authorities. `make image` puts the program
# where this takes it from, and builds it.
# policy: ignore[df-healthcheck-present] most containers of it run once; a server is probed by Kubernetes
FROM gcr.io/distroless/static-debian13:nonroot@sha256:f7f8f729987ad0fdf6b05eeeae94b26e6a0f613bdf46feea7fc40f7bd72953e6
ARG TARGETPLATFORM
LABEL org.opencontainers.image.title="policy-host" \
      org.opencontainers.image.description="Checks Kubernetes manifests, Dockerfiles, workflows and Terraform against policy rules" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --chmod=0555 target/image/${TARGETPLATFORM}/policy-host /usr/local/bin/policy-host
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/policy-host"]
