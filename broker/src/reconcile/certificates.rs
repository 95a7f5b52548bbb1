//! Certificates of agreement as they are told of, page by page, and the one that a text is. Called by the services that tell
//! of them and that take and give signatures.

use clearing::certificate::Agreement;
use clearing::digest::Branch;
use identity::name::Role;
use identity::permit::TreatmentPermit;
use jiff::civil::Date;
use ledger::hub::{Certificate, HubStore};
use ledger::leaves::Scope;
use prost::Message;
use proto::{page, v1};
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::Refusal;

use crate::refusing::{failed, invalid, not_yours};

/// So many are looked at for one answer.
const A_PAGE: u32 = 500;

/// Certificates of a page.
pub(super) struct CertificatePage {
    /// Them, in order.
    pub certificates: Vec<Certificate>,
    /// Whether there may be more.
    is_full: bool,
}

impl CertificatePage {
    /// The page of some days and pools after what the page before said.
    ///
    /// # Errors
    /// When the store fails, or no page says that.
    pub async fn after(
        store: &HubStore,
        days: (Date, Date),
        scope: Scope,
        after: &str,
    ) -> Result<CertificatePage, Refusal> {
        let after = match after {
            "" => None,
            text => Some(read_place(text).ok_or_else(|| invalid("after", "is not what a page says in next"))?),
        };
        let page = store.certificate_page(days, scope, after, A_PAGE).await;
        let certificates = page.map_err(|fault| failed(&fault))?;
        Ok(CertificatePage { is_full: certificates.len() == A_PAGE as usize, certificates })
    }

    /// What of them is seen, as far as one message carries it.
    pub fn answer(&self, sees: impl Fn(&Certificate) -> bool) -> v1::CertificatesReply {
        let seen: Vec<&Certificate> = self.certificates.iter().filter(|certificate| sees(certificate)).collect();
        let certificates = page::fitting(seen.iter().map(|certificate| write_certificate(certificate)).collect());
        let last = match certificates.len() {
            fitting if fitting < seen.len() => seen[..fitting].last().copied(),
            _ => self.certificates.last().filter(|_| self.is_full),
        };
        v1::CertificatesReply { certificates, next: last.map(place_of).unwrap_or_default() }
    }
}

/// The certificate of a treatment side's that the hub has issued in just these words. Versions and what they replace are the
/// hub's to number, so no other is signed.
///
/// # Errors
/// When it has issued none, or of another pool, or the store fails.
pub(super) async fn issued(store: &HubStore, permit: &TreatmentPermit, text: &str) -> Result<Certificate, Refusal> {
    let agreement = Agreement::read(text).map_err(|fault| invalid("text", fault.to_string()))?;
    let Branch { day, home, treatment } = agreement.branch;
    if !permit.allows(treatment) {
        return Err(not_yours("treatment", Role::Treatment, &[treatment.0]));
    }
    let scope = Scope { home: Some(home), treatment: Some(treatment) };
    let known = store.certificate_list((day, day), scope).await.map_err(|fault| failed(&fault))?;
    let known = known.into_iter().find(|certificate| certificate.text == text);
    known.ok_or_else(|| invalid("text", "is no certificate that this hub has issued: take its own text as it is"))
}

/// Writes a certificate with its signatures.
pub fn write_certificate(certificate: &Certificate) -> v1::CertificateView {
    let signature = |(party, bytes): &(String, Vec<u8>)| v1::PartySignature {
        party: party.clone(),
        signature: v1::DocumentSignature::decode(bytes.as_slice()).ok(),
    };
    let signatures = certificate.signatures.iter().map(signature).collect();
    v1::CertificateView { text: certificate.text.clone(), signatures }
}

fn place_of(certificate: &Certificate) -> String {
    let Branch { day, home, treatment } = certificate.agreement.branch;
    format!("{day}/{home}/{treatment}/{}", certificate.agreement.version)
}

fn read_place(text: &str) -> Option<(Branch, u32)> {
    let mut parts = text.splitn(4, '/');
    let mut next = || parts.next();
    let (day, home, treatment, version) = (next()?, next()?, next()?, next()?);
    let pool = |code| RegionCode::new(code).map(PoolCode).ok();
    Some((Branch { day: day.parse().ok()?, home: pool(home)?, treatment: pool(treatment)? }, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use clearing::digest::Digest;

    use super::*;

    fn certificate(version: u32, weight: usize) -> Certificate {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let branch = Branch { day: jiff::civil::date(2025, 6, 20), home: pool("410700"), treatment: pool("310000") };
        let agreement =
            Agreement { branch, version, operations: 1, tally: None, root: Digest([0; 32]), replaces: None };
        Certificate { agreement, text: "x".repeat(weight), signatures: Vec::new() }
    }

    #[test]
    fn an_answer_ends_where_it_is_full_and_says_after_which_certificate_the_next_one_begins() {
        let heavy = page::HEAVIEST / 2;
        let page = |certificates, is_full| CertificatePage { certificates, is_full };
        let three = || (1..4).map(|version| certificate(version, heavy - 100)).collect::<Vec<_>>();
        let light = || vec![certificate(1, 10), certificate(2, 10)];
        for (page, seen, told, next) in [
            (page(three(), false), 3, 2, "2025-06-20/410700/310000/2"),
            (page(light(), false), 2, 2, ""),
            (page(light(), true), 2, 2, "2025-06-20/410700/310000/2"),
            // That none of them is the caller's is no end.
            (page(light(), true), 0, 0, "2025-06-20/410700/310000/2"),
            (page(Vec::new(), false), 0, 0, ""),
        ] {
            let answer = page.answer(|certificate| certificate.agreement.version <= seen);
            assert_eq!((answer.certificates.len(), answer.next.as_str()), (told, next));
            let place = read_place(&answer.next).map(|(_, version)| version);
            assert_eq!(place, (!next.is_empty()).then_some(2));
        }
        for text in ["2025-06-20/410700/310000", "today/410700/310000/1", "2025-06-20/x/310000/1"] {
            assert_eq!(read_place(text), None, "{text}");
        }
    }
}
