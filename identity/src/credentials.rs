//! One participant's credentials: the files in a folder as TLS settings for both ends, read again when they change.
//! It opens no connection. Held by every role's process and given to [`crate::server`] and [`crate::client`].

mod material;
mod settings;
mod watched;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem;
use rustls::server::VerifierBuilderError;
use rustls::{ClientConfig, ServerConfig};

use crate::certificate::CertificateError;
use crate::name::ParticipantName;
use crate::peer::Peer;
use material::Material;
pub use material::{CHAIN_FILE, KEY_FILE, REVOKED_FILE, ROOTS_FILE};
pub(crate) use material::{certificates as read_certificates, key as read_key, revoked as read_revoked};
pub(crate) use watched::{FromFiles, Watched};

/// Why a folder's files are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or not of what it should hold.
    #[error("could not take {} as PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A list of revoked certificates is none.
    #[error("could not take {} as lists of revoked certificates", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// Why.
        source: webpki::Error,
    },
    /// A file holds nothing of what it should.
    #[error("{} holds nothing of the kind that it is for", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is not a participant's.
    #[error("could not take {} as a participant's certificate", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// A certificate is not an authority's.
    #[error("could not take {} as an authority's certificate", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A key cannot sign.
    #[error("could not take {} as a key that signs", path.display())]
    SigningKey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The files do not fit together.
    #[error("could not make TLS settings from the files in {}", dir.display())]
    Settings {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: SettingsError,
    },
}

/// Why files that are well formed make no TLS settings, such as a key of another certificate.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The authorities or the lists of revoked certificates were not taken.
    #[error("the authorities or their lists of revoked certificates were not taken")]
    Verifier(#[from] VerifierBuilderError),
    /// The certificate or its key was not taken.
    #[error("the certificate or its key was not taken")]
    Tls(#[from] rustls::Error),
}

/// One participant's credentials.
#[derive(Debug)]
pub struct Credentials(Watched<Settings>);

#[derive(Clone)]
struct Settings {
    own: Peer,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Credentials {
    /// Loads [`CHAIN_FILE`], [`KEY_FILE`], [`ROOTS_FILE`] and, if it is there, [`REVOKED_FILE`] from a folder.
    ///
    /// # Errors
    /// When a file is missing, is not what it should be, or does not fit the others.
    pub fn load(dir: &Path) -> Result<Credentials, IdentityError> {
        Watched::load(dir).map(Credentials)
    }

    /// The names in our own certificate.
    pub fn names(&self) -> Vec<ParticipantName> {
        self.own().names().to_vec()
    }

    /// Ourselves, as a peer would see us. Whoever holds credentials holds the key to them.
    pub(crate) fn own(&self) -> Peer {
        self.0.now().own
    }

    /// Settings for accepting a connection, from the files as they are now.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.0.now().server
    }

    /// Settings for making a connection, from the files as they are now.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.0.now().client
    }
}

impl FromFiles for Settings {
    const FILES: &'static [&'static str] = &[CHAIN_FILE, KEY_FILE, ROOTS_FILE, REVOKED_FILE];
    // Once a handshake would be often.
    const LOOK_EVERY: Duration = Duration::from_secs(1);

    fn read(dir: &Path) -> Result<Settings, IdentityError> {
        let material = Material::read(dir)?;
        let failed = |source| IdentityError::Settings { dir: dir.to_owned(), source };
        Ok(Settings {
            server: Arc::new(settings::server(&material).map_err(failed)?),
            client: Arc::new(settings::client(&material).map_err(failed)?),
            own: material.own,
        })
    }

    fn fingerprints(&self) -> Vec<String> {
        vec![self.own.fingerprint().to_owned()]
    }
}
