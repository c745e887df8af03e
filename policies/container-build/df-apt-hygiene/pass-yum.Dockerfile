FROM almalinux:9
RUN dnf install -y curl && dnf clean all
RUN microdnf install curl && rm -rf /var/cache/dnf
