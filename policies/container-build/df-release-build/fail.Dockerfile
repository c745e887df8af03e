FROM rust:1.90 AS builder
ARG BUILD_TYPE=debug
ARG JOBS
WORKDIR /src
COPY . .
# expect: `cargo build --manifest-path api/Cargo.toml` builds for debugging, expected a build with optimisation
RUN cargo build --manifest-path api/Cargo.toml
# Neither branch is a release build, whichever is taken.
RUN if [ -n "$JOBS" ]; then \
      # expect: `cargo build -j $JOBS` builds for debugging
      cargo build -j $JOBS ; \
    else \
      # expect: `cargo build -p worker` builds for debugging
      cargo build -p worker ; \
    fi
# The default of the argument selects the debug build.
RUN if [ "$BUILD_TYPE" = "release" ]; then \
      cargo build --release; \
    else \
      # expect: `cargo build -p gateway` builds for debugging
      cargo build -p gateway; \
    fi
# expect: `cargo build --profile dev` builds for debugging
RUN cd api && cargo build --profile dev
# expect: `cargo install --debug --path tool` builds for debugging
RUN ["cargo", "install", "--debug", "--path", "tool"]
# expect: `RUSTFLAGS=-Dwarnings cargo build -p nested` builds for debugging
RUN ["/bin/sh", "-c", "set -e; RUSTFLAGS=-Dwarnings cargo build -p nested"]
RUN <<SCRIPT
set -e
# expect: builds for debugging
cargo build -p heredoc
SCRIPT

FROM golang:1.25 AS tools
# expect: `CGO_ENABLED=0 go build -gcflags=all=-N -l -o /tool ./cmd/tool` builds for debugging
RUN CGO_ENABLED=0 go build -gcflags="all=-N -l" -o /tool ./cmd/tool

FROM mcr.microsoft.com/dotnet/sdk:9.0 AS reports
# expect: `dotnet publish -c Debug -o /out` builds for debugging
# expect: `dotnet build /p:Configuration=Debug` builds for debugging
RUN dotnet publish -c Debug -o /out && dotnet build /p:Configuration=Debug

FROM gradle:9-jdk21 AS app
# expect: `./gradlew :app:assembleDebug` builds for debugging
RUN ./gradlew :app:assembleDebug

FROM node:24
COPY --from=builder /src/target/debug/api /api
COPY --from=tools /tool /tool
COPY --from=reports /out /reports
COPY --from=app /out /app
# expect: `npm run dev` starts a development server, expected what the build has made
CMD ["npm", "run", "dev"]
