//! The server, as engines, operators and attackers meet it: the real binary over real sockets.

mod authority;
mod follow;
mod hostile;
mod operation;
mod plain;
mod process;
mod wires;
