//! What the hub certifies with: its own signature, and the authorities by which it looks at everybody's before it keeps one.
//! A signature that nobody could verify is never kept, and whoever gave it is told what to do. Called by [`super::certify`],
//! [`super::comparisons`], and whoever has days certified.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use identity::credentials::IdentityError;
use identity::signing::{Authorities, OwnAuthorities, OwnSigner, Signature, SignatureError, Signer};
use jiff::civil::Date;
use ledger::hub::{KeptSigner, NewSignature};
use prost::Message;
use proto::v1;
use settlement::beijing;

/// What the hub certifies with, as its folder has it just then: certificates are renewed and revoked while it runs. Clones
/// share it.
#[derive(Clone, Debug)]
pub struct OwnNotary {
    signer: OwnSigner,
    authorities: OwnAuthorities,
}

impl OwnNotary {
    /// Reads the hub's folder.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn load(credentials: &Path) -> Result<OwnNotary, IdentityError> {
        Ok(OwnNotary { signer: OwnSigner::load(credentials)?, authorities: OwnAuthorities::load(credentials)? })
    }

    /// What the hub certifies with now.
    pub fn now(&self) -> Notary {
        Notary { signer: self.signer.now(), authorities: self.authorities.now() }
    }

    /// Who signs for the hub.
    pub fn signer(&self) -> &OwnSigner {
        &self.signer
    }
}

/// What the hub certifies with.
#[derive(Clone, Debug)]
pub struct Notary {
    /// Signs for the hub; without one it certifies nothing.
    pub signer: Option<Signer>,
    /// Whose participants' signatures are kept.
    pub authorities: Authorities,
}

impl Notary {
    /// Reads the hub's folder as it is now.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn load(credentials: &Path) -> Result<Notary, IdentityError> {
        OwnNotary::load(credentials).map(|own| own.now())
    }

    /// Checks that a signature is a party's and would be verified by anybody: its certificate carries the name, is good now,
    /// and was issued for documents under one of the authorities; and the text is what was signed. Certificates live by the
    /// machine's time, here as in connections, whatever a sandbox's clock says.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn check(&self, text: &str, signature: &v1::DocumentSignature, party: &str) -> Result<(), String> {
        let verified = read(signature).map(|read| read.verify(text.as_bytes(), &self.authorities, SystemTime::now()));
        let problem = match verified {
            Some(Ok(names)) if names.iter().any(|name| name.to_string() == party) => return Ok(()),
            Some(Ok(_)) => "its certificate carries another name".to_owned(),
            Some(Err(fault)) => causes(&fault),
            None => "it is in no scheme for documents".to_owned(),
        };
        Err(format!(
            "the signature is not to be verified as one of {party}: {problem}. {party} needs a signing.pem that is good \
             today, in this name and under the hub's ca.pem (yidi pki issue), and takes it without a restart; it is asked \
             again the next time"
        ))
    }

    /// A signature of a party as it is kept.
    pub fn as_kept(party: String, signature: &v1::DocumentSignature) -> NewSignature {
        let signer = read(signature).map(|read| read.signer()).unwrap_or_default();
        NewSignature { party, signer, signature: signature.encode_to_vec() }
    }

    /// What of the signatures that were kept holds still.
    pub fn kept(&self) -> Kept<'_> {
        Kept { authorities: &self.authorities, known: HashMap::new() }
    }
}

/// Signatures that were checked when they were kept, looked at again. Each signer's certificate is looked at once: days are
/// many and signers few.
pub struct Kept<'a> {
    authorities: &'a Authorities,
    /// Until when each chain is or was good; none where it is not to be trusted any more.
    known: HashMap<Vec<Vec<u8>>, Option<SystemTime>>,
}

impl Kept<'_> {
    /// Whether a signature that is kept under a day's certificate holds still: its signer was not revoked, and the authority
    /// is one of ours. That a certificate has expired since takes nothing from what it signed.
    pub fn holds(&mut self, signature: &[u8], day: Date) -> bool {
        let read = v1::DocumentSignature::decode(signature).ok().as_ref().and_then(read);
        let (Some(signature), Some(begins)) = (read, beijing::instant_of(day.into())) else { return false };
        let good_until = match self.known.get(&signature.chain) {
            Some(known) => *known,
            None => {
                let good_until = signature.trusted_until(self.authorities).ok();
                *self.known.entry(signature.chain).or_insert(good_until)
            }
        };
        good_until.is_some_and(|ends| ends >= SystemTime::from(begins))
    }

    /// Whose signatures under a day's certificates do not hold any more, of all who have signed.
    pub fn unsound(&mut self, signers: &[KeptSigner], day: Date) -> Vec<String> {
        let unsound = signers.iter().filter(|kept| !self.holds(&kept.signature, day));
        unsound.map(|kept| kept.signer.clone()).collect()
    }
}

fn read(signature: &v1::DocumentSignature) -> Option<Signature> {
    let scheme = u16::try_from(signature.scheme).ok()?;
    let chain = signature.chain.iter().map(|der| der.to_vec()).collect();
    Some(Signature { scheme, bytes: signature.signature.to_vec(), chain })
}

/// A fault with what caused it.
fn causes(fault: &SignatureError) -> String {
    let (mut told, mut cause) = (fault.to_string(), fault.source());
    while let Some(because) = cause {
        told = format!("{told}: {because}");
        cause = because.source();
    }
    told
}
