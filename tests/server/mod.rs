//! The server, as engines, operators and attackers meet it: the real binary over real sockets.

mod authority;
mod bounded;
mod follow;
mod hostile;
mod malformed;
mod matrix;
mod operation;
mod plain;
mod process;
mod wires;
