//! Who speaks: certificates, mutual TLS 1.3 and permits. What a peer may do about money is decided elsewhere; this
//! crate only proves which pools and roles it has. Used by the hub, both kinds of region, and `yidi pki`.
//!
//! | look in | for |
//! |---|---|
//! | [`name`] | `yidi://<code>/<role>`, the name that a certificate carries |
//! | [`certificate`] | reading those names, and everything that `yidi pki show` prints |
//! | [`pki`] | a private authority for the demo and small deployments |
//! | [`credentials`] | one participant's files on disk as TLS settings, read again when they change |
//! | [`server`], [`client`] | the two ends of a connection |
//! | [`peer`], [`permit`] | who is at the other end, and what a handler may let it do |
//! | [`signing`] | signing documents, and checking signatures |
//! | [`deadline`] | how long the caller waits |

pub mod certificate;
pub mod client;
pub mod credentials;
pub mod deadline;
pub mod name;
pub mod peer;
pub mod permit;
pub mod pki;
pub mod server;
pub mod signing;

/// Makes aws-lc-rs the process's one provider of cryptography. Calling it again changes nothing. Everything in this
/// crate names its provider itself; other users of rustls (the HTTPS edge) look for the process's.
pub fn install_crypto_provider() {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
