//! Signing documents with a participant's signing certificate, and checking such a signature with nothing at hand but
//! the authority's certificate. What a document says is not looked at here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::sign::{CertifiedKey, SigningKey};
use time::OffsetDateTime;
use webpki::{
    CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, anchor_from_trusted_cert,
};

use crate::certificate::{CertificateError, CertificateSummary, fingerprint, names};
use crate::credentials::{
    FromFiles, IdentityError, REVOKED_FILE, ROOTS_FILE, Watched, read_certificates, read_key, read_revoked,
};
use crate::name::ParticipantName;
use crate::pki::{SIGNING_FILE, SIGNING_KEY_FILE};

/// What a signing certificate is good for: documents (1.3.6.1.5.5.7.3.36, RFC 9336).
const DOCUMENT_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24];

/// The schemes in which documents are signed, the first that a key can do, and what checks each.
fn schemes() -> [(SignatureScheme, &'static dyn SignatureVerificationAlgorithm); 4] {
    [
        (SignatureScheme::ECDSA_NISTP256_SHA256, webpki::aws_lc_rs::ECDSA_P256_SHA256),
        (SignatureScheme::ECDSA_NISTP384_SHA384, webpki::aws_lc_rs::ECDSA_P384_SHA384),
        (SignatureScheme::ED25519, webpki::aws_lc_rs::ED25519),
        (SignatureScheme::RSA_PSS_SHA256, webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
    ]
}

/// A participant that signs.
#[derive(Clone)]
pub struct Signer {
    chain: Vec<CertificateDer<'static>>,
    names: Vec<ParticipantName>,
    key: Arc<dyn SigningKey>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Who signs for a participant, by the certificate that its folder has just then: a renewed one is taken without a restart,
/// and one that cannot be used is told in the log and leaves the old. Clones share it.
#[derive(Clone, Debug)]
pub struct OwnSigner(Arc<Watched<Option<Signer>>>);

impl OwnSigner {
    /// Reads a participant's folder.
    ///
    /// # Errors
    /// When it has a signing certificate, and a file is not what it should be.
    pub fn load(dir: &Path) -> Result<OwnSigner, IdentityError> {
        Watched::load(dir).map(|watched| OwnSigner(Arc::new(watched)))
    }

    /// Who signs now; none where the folder has no signing certificate.
    pub fn now(&self) -> Option<Signer> {
        self.0.now()
    }
}

impl FromFiles for Option<Signer> {
    const FILES: &'static [&'static str] = &[SIGNING_FILE, SIGNING_KEY_FILE];
    // Documents are few.
    const LOOK_EVERY: Duration = Duration::ZERO;

    fn read(dir: &Path) -> Result<Option<Signer>, IdentityError> {
        Signer::load_if_there(dir)
    }

    fn fingerprints(&self) -> Vec<String> {
        self.iter().filter_map(|signer| signer.chain.first()).map(|own| fingerprint(own)).collect()
    }
}

/// Whose documents a participant trusts, by the authorities and their lists of revoked certificates that its folder has just
/// then; otherwise as [`OwnSigner`].
#[derive(Clone, Debug)]
pub struct OwnAuthorities(Arc<Watched<Authorities>>);

impl OwnAuthorities {
    /// Reads a participant's folder.
    ///
    /// # Errors
    /// When a file cannot be read or is not what it should be.
    pub fn load(dir: &Path) -> Result<OwnAuthorities, IdentityError> {
        Watched::load(dir).map(|watched| OwnAuthorities(Arc::new(watched)))
    }

    /// The authorities now.
    pub fn now(&self) -> Authorities {
        self.0.now()
    }
}

impl FromFiles for Authorities {
    const FILES: &'static [&'static str] = &[ROOTS_FILE, REVOKED_FILE];
    // Documents are few.
    const LOOK_EVERY: Duration = Duration::ZERO;

    fn read(dir: &Path) -> Result<Authorities, IdentityError> {
        Authorities::of_participant(dir)
    }

    fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(|authority| fingerprint(authority)).collect()
    }
}

/// The authorities whose certificates are trusted with documents, and what they have revoked.
#[derive(Clone, Debug)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    revoked: Arc<Vec<CertRevocationList<'static>>>,
}

impl Authorities {
    /// Reads authorities' certificates from a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn load(path: &Path) -> Result<Authorities, IdentityError> {
        Ok(Authorities { certificates: read_certificates(path)?, revoked: Arc::default() })
    }

    /// Those of a participant's folder: [`ROOTS_FILE`] and, if it is there, [`REVOKED_FILE`], as they are now.
    ///
    /// # Errors
    /// When a file cannot be read or is not what it should be.
    pub fn of_participant(dir: &Path) -> Result<Authorities, IdentityError> {
        let (authorities, revoked) = (Authorities::load(&dir.join(ROOTS_FILE))?, dir.join(REVOKED_FILE));
        if revoked.exists() { authorities.revoking(&revoked) } else { Ok(authorities) }
    }

    /// The same authorities with their lists of revoked certificates from a PEM file, each of which counts until the next
    /// is due: a signer that is on one signs nothing any more, whenever it has signed.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no list.
    pub fn revoking(self, path: &Path) -> Result<Authorities, IdentityError> {
        let lists = read_revoked(path)?.into_iter().map(|der| {
            let read = OwnedCertRevocationList::from_der(&der);
            let failed = |source| IdentityError::RevocationList { path: path.to_owned(), source };
            read.map(CertRevocationList::from).map_err(failed)
        });
        let revoked = lists.collect::<Result<Vec<_>, _>>()?;
        if revoked.is_empty() {
            Err(IdentityError::Empty { path: path.to_owned() })
        } else {
            Ok(Authorities { revoked: Arc::new(revoked), ..self })
        }
    }
}

/// A signature, with the certificates by which it can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// In which of the schemes of TLS 1.3, by its number.
    pub scheme: u16,
    /// The signature.
    pub bytes: Vec<u8>,
    /// The signer's certificate, followed by any between it and the authority's; DER.
    pub chain: Vec<Vec<u8>>,
}

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is no certificate with it.
    #[error("the signature comes without a certificate")]
    NoCertificate,
    /// The scheme is not one in which documents are signed.
    #[error("documents are not signed in scheme {0:#06x}")]
    Scheme(u16),
    /// The certificate is not a participant's.
    #[error("the certificate is not a participant's")]
    Certificate(#[from] CertificateError),
    /// The certificate was not issued by the authority, not for documents, or was not valid at the time.
    #[error("the certificate is not to be trusted with documents")]
    Untrusted(#[source] webpki::Error),
    /// The certificate ended before the document can have been written.
    #[error("the signer's certificate ended at {}, before what the document is about", OffsetDateTime::from(*ended))]
    Ended {
        /// When.
        ended: SystemTime,
    },
    /// The document is not the one that was signed.
    #[error("the document is not the one that was signed")]
    Altered(#[source] webpki::Error),
}

impl Signer {
    /// Loads [`SIGNING_FILE`] and [`SIGNING_KEY_FILE`] from a participant's folder.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be.
    pub fn load(dir: &Path) -> Result<Signer, IdentityError> {
        let path = dir.join(SIGNING_FILE);
        let chain = read_certificates(&path)?;
        let first = chain.first().ok_or_else(|| IdentityError::Empty { path: path.clone() })?;
        let names = names(first).map_err(|source| IdentityError::Certificate { path: path.clone(), source })?;
        let key_path = dir.join(SIGNING_KEY_FILE);
        // Also looks whether the key is the certificate's: of two files, one may be replaced already.
        let certified =
            CertifiedKey::from_der(chain, read_key(&key_path)?, &rustls::crypto::aws_lc_rs::default_provider());
        let CertifiedKey { cert: chain, key, .. } =
            certified.map_err(|source| IdentityError::SigningKey { path: key_path, source })?;
        Ok(Signer { chain, names, key })
    }

    /// The same; none where the folder has no signing certificate.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn load_if_there(dir: &Path) -> Result<Option<Signer>, IdentityError> {
        if dir.join(SIGNING_FILE).exists() { Signer::load(dir).map(Some) } else { Ok(None) }
    }

    /// Whom it signs for.
    pub fn names(&self) -> &[ParticipantName] {
        &self.names
    }

    /// Signs a document.
    ///
    /// # Errors
    /// When the key can do none of the schemes, or fails.
    pub fn sign(&self, document: &[u8]) -> Result<Signature, rustls::Error> {
        let scheme = || rustls::Error::General("the key can do none of the schemes for documents".into());
        let signer = self.key.choose_scheme(&schemes().map(|(scheme, _)| scheme)).ok_or_else(scheme)?;
        Ok(Signature {
            scheme: signer.scheme().into(),
            bytes: signer.sign(document)?,
            chain: self.chain.iter().map(|certificate| certificate.to_vec()).collect(),
        })
    }
}

impl Signature {
    /// Checks that a document was signed by whom the certificate names; whether the certificate is to be trusted is left
    /// open.
    ///
    /// # Errors
    /// Why the signature does not hold.
    pub fn signed_by(&self, document: &[u8]) -> Result<Vec<ParticipantName>, SignatureError> {
        let own = self.chain.first().ok_or(SignatureError::NoCertificate)?;
        let own = CertificateDer::from(own.as_slice());
        let certificate = EndEntityCert::try_from(&own).map_err(SignatureError::Untrusted)?;
        let known = schemes().into_iter().find(|(scheme, _)| u16::from(*scheme) == self.scheme);
        let (_, algorithm) = known.ok_or(SignatureError::Scheme(self.scheme))?;
        certificate.verify_signature(algorithm, document, &self.bytes).map_err(SignatureError::Altered)?;
        Ok(names(&own)?)
    }

    /// Checks that a document was signed by a participant whose certificate, at a time, was valid and issued for signing
    /// documents under one of the authorities; gives the participant's names.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn verify(
        &self,
        document: &[u8],
        authorities: &Authorities,
        at: SystemTime,
    ) -> Result<Vec<ParticipantName>, SignatureError> {
        self.trusted(authorities, at)?;
        self.signed_by(document)
    }

    /// The same of a document that is kept for longer than its signer's certificate is good, and was written at `since` or
    /// later: the certificate has to have been good then or after.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn verify_kept(
        &self,
        document: &[u8],
        authorities: &Authorities,
        since: SystemTime,
    ) -> Result<Vec<ParticipantName>, SignatureError> {
        let ended = self.trusted_until(authorities)?;
        if ended < since {
            return Err(SignatureError::Ended { ended });
        }
        self.signed_by(document)
    }

    /// SHA-256 over the signer's certificate and those behind it, in hexadecimal: what was signed with the same ones holds
    /// or does not together.
    pub fn signer(&self) -> String {
        fingerprint(&self.chain.concat())
    }

    /// Until when the signer's certificate is or was good, if it is to be trusted with documents: which is looked at as of
    /// now or, where it has expired, as of its last second. No document is looked at.
    ///
    /// # Errors
    /// Why it is not to be trusted.
    pub fn trusted_until(&self, authorities: &Authorities) -> Result<SystemTime, SignatureError> {
        let own = self.chain.first().ok_or(SignatureError::NoCertificate)?;
        let ends = CertificateSummary::of(own)?.not_after;
        self.trusted(authorities, SystemTime::now().min(ends - Duration::from_secs(1)))?;
        Ok(ends)
    }

    /// Checks that the signer's certificate was valid at a time and issued for documents under one of the authorities.
    fn trusted(&self, authorities: &Authorities, at: SystemTime) -> Result<(), SignatureError> {
        let mut chain = self.chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let own = chain.next().ok_or(SignatureError::NoCertificate)?;
        let between: Vec<CertificateDer<'_>> = chain.collect();
        let certificate = EndEntityCert::try_from(&own).map_err(SignatureError::Untrusted)?;
        let anchors = authorities.certificates.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>();
        let anchors = anchors.map_err(SignatureError::Untrusted)?;
        let lists: Vec<&CertRevocationList<'_>> = authorities.revoked.iter().collect();
        // Of a signer whose authority is on no list it is not known whether it was revoked, so it is not trusted.
        let revoked = RevocationOptionsBuilder::new(&lists).ok();
        let revoked = revoked.map(|lists| lists.with_depth(RevocationCheckDepth::EndEntity).build());
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        certificate
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &between,
                UnixTime::since_unix_epoch(at),
                KeyUsage::required(DOCUMENT_SIGNING),
                revoked,
                None,
            )
            .map(drop)
            .map_err(SignatureError::Untrusted)
    }
}
