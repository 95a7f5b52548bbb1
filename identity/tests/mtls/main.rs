//! The borders of identity, over real TLS on loopback: who is let in, whom a client talks to, what a change on disk
//! does, and what `openssl` sees from outside. Every test has its own authority, folders and ports.

mod admission;
mod calling;
mod documents;
mod logging;
mod openssl;
mod parties;
mod pki;
mod raw;
mod reload;
mod service;
