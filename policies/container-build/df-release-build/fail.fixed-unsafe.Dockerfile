FROM rust:1.90 AS builder
ARG BUILD_TYPE=debug
ARG JOBS
WORKDIR /src
COPY . .
# expect[debug-build]: `cargo build --manifest-path api/Cargo.toml` builds for debugging, expected a build with optimisation
RUN cargo build --release --manifest-path api/Cargo.toml
# Neither branch is a release build, whichever is taken.
RUN if [ -n "$JOBS" ]; then \
      # expect[debug-build]: `cargo build --release -j $JOBS` builds for debugging
      cargo build --release -j $JOBS ; \
    else \
      # expect[debug-build]: `cargo build --release -p worker` builds for debugging
      cargo build --release -p worker ; \
    fi
# The default of the argument selects the debug build.
RUN if [ "$BUILD_TYPE" = "release" ]; then \
      cargo build --release; \
    else \
      # expect[debug-build]: `cargo build -p gateway` builds for debugging
      cargo build -p gateway; \
    fi
# expect[debug-build]: `cargo build --profile dev` builds for debugging
RUN cd api && cargo build --profile dev
# expect[debug-build]: `cargo install --debug --path tool` builds for debugging
RUN ["cargo", "install", "--debug", "--path", "tool"]
# expect[debug-build]: `cargo build -p nested` builds for debugging
RUN ["/bin/sh", "-c", "set -e; RUSTFLAGS=-Dwarnings cargo build --release -p nested"]
RUN <<SCRIPT
set -e
# expect[debug-build]: builds for debugging
cargo build --release -p heredoc
SCRIPT
# What stands around a here-document runs, and so does the body that a shell gets.
# expect[debug-build]: `cargo build -p around` builds for debugging
RUN cat <<CONF >/etc/shop.conf && cargo build --release -p around
cargo build --release
CONF
RUN bash -eu <<GO
# expect[debug-build]: builds for debugging
cargo build --release -p input
GO
RUN <<GO sudo -E bash
# expect[debug-build]: builds for debugging
cargo build --release -p before
GO
RUN cat <<'GO' | sh -e
# expect[debug-build]: `cargo build --release -p piped` builds for debugging
cargo build --release -p piped
GO
# Options of the tool, and programs that start another, change nothing.
# expect[debug-build]: `cargo --offline build` builds for debugging
RUN cargo --offline build
# expect[debug-build]: `cargo --config term.quiet=true build` builds for debugging
RUN cargo --config term.quiet=true build
# expect[debug-build]: `cargo build -p waits` builds for debugging
RUN timeout -k 5 300 cargo build --release -p waits
# expect[debug-build]: `cargo build -p nicely` builds for debugging
RUN env -i nice -n 5 cargo build --release -p nicely
# expect[debug-build]: `npm --prefix ui run dev` is for development, expected a build for production
RUN npm --prefix ui run dev
# expect[debug-build]: `cargo build -p quoted` builds for debugging
RUN eval "cargo build --release -p quoted" && find . -name Cargo.toml -exec true {} \;

FROM golang:1.25 AS tools
# expect[debug-build]: `go build -gcflags=all=-N -l -o /tool ./cmd/tool` builds for debugging
RUN CGO_ENABLED=0 go build -gcflags="all=-N -l" -o /tool ./cmd/tool

FROM mcr.microsoft.com/dotnet/sdk:9.0 AS reports
# expect[debug-build]: `dotnet publish -c Debug -o /out` builds for debugging
# expect[debug-build]: `dotnet build /p:Configuration=Debug` builds for debugging
RUN dotnet publish -c Debug -o /out && dotnet build /p:Configuration=Debug

FROM gradle:9-jdk21 AS app
# expect[debug-build]: `./gradlew :app:assembleDebug` builds for debugging
RUN ./gradlew :app:assembleDebug

FROM node:24
COPY --from=builder /src/target/release/api /api
COPY --from=tools /tool /tool
COPY --from=reports /out /reports
COPY --from=app /out /app
# expect[dev-server]: `npm run dev` starts a development server, expected what the build has made
CMD ["npm", "run", "dev"]
