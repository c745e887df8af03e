FROM debian:trixie-slim
COPY src /src
# expect[compiles]: `cargo build --release` compiles in the image that is shipped
RUN cd /src && cargo build --release
CMD ["/src/target/release/app"]
