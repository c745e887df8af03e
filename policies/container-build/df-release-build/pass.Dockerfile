# Nothing of this stage is shipped.
FROM rust:1.90 AS test
COPY . .
RUN cargo build && cargo test

# Every way to say that the build is optimised.
FROM rust:1.90 AS builder
ARG BUILD_TYPE=release
ARG FLAGS="--release --locked"
ARG PROFILE=release-lto
ARG JOBS
ARG EXTRA
WORKDIR /src
COPY . .
RUN cargo build --manifest-path api/Cargo.toml --release -j ${JOBS:-4} 2>&1 | tee build.log
RUN cargo +nightly auditable build -p worker --profile "$PROFILE"
RUN cargo build $FLAGS
RUN cargo install --path tool && cargo check
# The default of the argument decides.
RUN if [ "$BUILD_TYPE" = "release" ]; then \
      cargo build --release; \
    else \
      cargo build; \
    fi
RUN [ "$BUILD_TYPE" = debug ] && cargo build || cargo build --release
RUN cargo build ${BUILD_TYPE:+--release}
# What is not known may be right.
RUN cargo build $EXTRA
RUN if [ -n "$EXTRA" ]; then cargo build; else cargo build -r; fi
RUN <<RUN_SCRIPT
set -e
test "$BUILD_TYPE" = release
cargo build --release
RUN_SCRIPT

# What is put into a file, or read by another program, does not run here.
RUN <<GO cat > /build.sh
cargo build
GO
RUN python3 - <<GO
cargo build
GO
RUN echo 'cargo build' > /build.sh && cat <<GO | tee /other.sh
cargo build
GO
RUN npm --prefix dev run build

FROM golang:1.25 AS tools
RUN go build -gcflags=all=-l=4 -ldflags="-s -w" -o /usr/local/bin/tool ./cmd/tool

FROM node:24 AS assets
RUN npm ci && npm run build

FROM mcr.microsoft.com/dotnet/sdk:9.0 AS reports
RUN dotnet restore && dotnet build -c Release && dotnet publish -p:Configuration=Release

FROM gradle:9-jdk21 AS app
RUN ./gradlew :app:assembleRelease

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /src/target/release/api /api
COPY --from=tools /usr/local/bin/tool /tool
COPY --from=assets /dist /dist
COPY --from=reports /out /reports
COPY --from=app /out /app
ENTRYPOINT ["/api"]
