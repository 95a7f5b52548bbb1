//! TLS settings from a participant's files: TLS 1.3 only, a certificate demanded of both sides, revocation looked
//! at, no resumption. Which participant is at the other end is not looked at here. Called by [`super::Credentials`].

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use super::SettingsError;
use super::material::Material;

/// gRPC needs HTTP/2.
const ALPN: &[u8] = b"h2";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A session resumed would skip the look at validity and revocation; connections live long, so nothing is lost.
pub(super) fn server(material: &Material) -> Result<ServerConfig, SettingsError> {
    let roots = Arc::new(material.roots.clone());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .with_crls(material.revoked.iter().cloned())
        .only_check_end_entity_revocation()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(material.chain.clone(), material.key.clone_key())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

pub(super) fn client(material: &Material) -> Result<ClientConfig, SettingsError> {
    let roots = Arc::new(material.roots.clone());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
        .with_crls(material.revoked.iter().cloned())
        .only_check_end_entity_revocation()
        .build()?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_webpki_verifier(verifier)
        .with_client_auth_cert(material.chain.clone(), material.key.clone_key())?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}
