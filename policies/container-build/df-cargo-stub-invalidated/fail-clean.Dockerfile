FROM rust:1.90
# label: the stub is built here
RUN cargo init --bin . && cargo build --release
COPY . .
# What is cleaned is the debug build.
# expect[stub]: may take the stub for the program
RUN cargo clean -p app && cargo build --release
