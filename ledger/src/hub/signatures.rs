//! Signatures under certificates of agreement: keeping one, and which certificates lack one. Whether a signature holds is
//! not looked at here: whoever asks says which signers are not trusted any more.

use std::collections::BTreeMap;

use clearing::certificate::Agreement;
use clearing::digest::Branch;
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::ids::PoolCode;

use super::breaks::{Certificate, texts};
use super::{HubStore, corrupt};
use crate::engine::{Row, Sql, list};
use crate::leaves::Scope;
use crate::store::StoreError;
use crate::values;

/// A party's signature, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSignature {
    /// Whose it is.
    pub party: String,
    /// Tells the certificates that it was made with from all others.
    pub signer: String,
    /// As it came.
    pub signature: Vec<u8>,
}

/// Somebody who has signed for a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSigner {
    /// As in [`NewSignature`].
    pub signer: String,
    /// One of the signatures.
    pub signature: Vec<u8>,
}

/// Which certificates of a day are looked for: those that lack a party's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The day.
    pub day: Date,
    /// Between whom.
    pub scope: Scope,
    /// The party; none for each certificate's own home region.
    pub party: Option<String>,
    /// What these signed counts as not signed.
    pub unsound: Vec<String>,
}

/// Those that lack it, after one: [`HubStore::certificate_unsigned`] says what its values are.
macro_rules! unsigned {
    ($scope:literal) => {
        concat!(
            "SELECT text FROM certificates WHERE day = ?1 AND ",
            $scope,
            " AND (home, treatment, version) > (?4, ?5, ?6) AND NOT EXISTS (
                SELECT 1 FROM certificate_signatures AS kept
                WHERE kept.day = certificates.day AND kept.home = certificates.home
                  AND kept.treatment = certificates.treatment AND kept.version = certificates.version
                  AND kept.party = COALESCE(?7, 'yidi://' || certificates.home || '/home')
                  AND kept.step = (
                    SELECT MAX(step) FROM certificate_signatures AS newest
                    WHERE newest.day = kept.day AND newest.home = kept.home AND newest.treatment = kept.treatment
                      AND newest.version = kept.version AND newest.party = kept.party)
                  AND kept.signer NOT IN (SELECT value FROM json_each(?8)))
            ORDER BY home, treatment, version LIMIT ?9"
        )
    };
}

impl HubStore {
    /// Keeps a party's signature under a certificate, if what is kept of the party is what the new one replaces: nothing, or
    /// a signature that no longer holds. Otherwise somebody else was faster, and what is kept stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_sign(
        &self,
        (branch, version): (Branch, u32),
        signed: NewSignature,
        replacing: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const NEWEST: &str = "SELECT step, signature FROM certificate_signatures
            WHERE day = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4 AND party = ?5 ORDER BY step DESC LIMIT 1";
        const SIGN: &str =
            "INSERT INTO certificate_signatures (day, home, treatment, version, party, step, signer, signature, signed_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
        const SIGNER: &str = "INSERT INTO certificate_signers (party, signer, signature) VALUES (?1, ?2, ?3)
            ON CONFLICT DO NOTHING";
        self.engine
            .write(move |sql| {
                let NewSignature { party, signer, signature } = &signed;
                let [day, home, treatment] = texts(&branch);
                let (version, signature): (_, &[u8]) = (i64::from(version), signature);
                let newest = sql.find(NEWEST, values![&day, &home, &treatment, version, party], |row| {
                    Ok((row.number(0)?, row.bytes(1)?.to_vec()))
                })?;
                let (step, kept) = newest.map_or((0, None), |(step, kept)| (step, Some(kept)));
                if kept != replacing {
                    return Ok(());
                }
                let (step, at) = (step + 1, at.as_microsecond());
                let values = values![&day, &home, &treatment, version, party, step, signer, signature, at];
                sql.execute(SIGN, values)?;
                sql.execute(SIGNER, values![party, signer, signature]).map(drop)
            })
            .await
    }

    /// Who has ever signed for a party, or for any where none is named.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_signers(&self, party: Option<String>) -> Result<Vec<KeptSigner>, StoreError> {
        const SIGNERS: &str = "SELECT signer, signature FROM certificate_signers WHERE ?1 IS NULL OR party = ?1
            ORDER BY party, signer";
        let read = |row: Row<'_>| Ok(KeptSigner { signer: row.text(0)?.to_owned(), signature: row.bytes(1)?.to_vec() });
        self.engine.read(move |sql| sql.query(SIGNERS, values![party.as_deref()], read)).await
    }

    /// The first of some days of which there is anything to certify, or of which there are certificates; with a treatment
    /// pool alone where one is given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_day(
        &self,
        (first, last): (Date, Date),
        treatment: Option<PoolCode>,
    ) -> Result<Option<Date>, StoreError> {
        const ANY: &str = "SELECT MIN(day) FROM (
                SELECT MIN(day) AS day FROM roots WHERE day >= ?1 AND day <= ?2
                UNION ALL SELECT MIN(day) AS day FROM certificates WHERE day >= ?1 AND day <= ?2) AS days";
        const OF_TREATMENT: &str = "SELECT MIN(day) FROM certificates WHERE treatment = ?3 AND day >= ?1 AND day <= ?2";
        let read = |row: Row<'_>| {
            let day = row.optional_text(0)?;
            day.map(|day| day.parse().map_err(|_| corrupt("certificates", day, "no day"))).transpose()
        };
        let (first, last) = (first.to_string(), last.to_string());
        self.engine
            .read(move |sql| match treatment.map(|pool| pool.to_string()) {
                None => sql.get(ANY, values![&first, &last], read),
                Some(treatment) => sql.get(OF_TREATMENT, values![&first, &last, &treatment], read),
            })
            .await
    }

    /// The certificates of a day that lack a party's signature, in all versions, in the order of home pools, treatment pools
    /// and versions: at most so many, after one where one is given.
    ///
    /// # Errors
    /// When the store fails, or a certificate does not read.
    pub async fn certificate_unsigned(
        &self,
        unsigned: Unsigned,
        after: Option<Agreement>,
        at_most: usize,
    ) -> Result<Vec<Certificate>, StoreError> {
        const OF_A_DAY: &str = unsigned!("(?2 IS NULL OR home = ?2) AND (?3 IS NULL OR treatment = ?3)");
        // A pool's own certificates are few of a day's: they are found by their index.
        const OF_A_TREATMENT: &str = unsigned!("(?2 IS NULL OR home = ?2) AND treatment = ?3");
        self.engine
            .read(move |sql| {
                let Unsigned { day, scope, party, unsound } = &unsigned;
                let pool = |pool: Option<PoolCode>| pool.map(|pool| pool.to_string());
                let (day, home, treatment) = (day.to_string(), pool(scope.home), pool(scope.treatment));
                let (after_home, after_treatment, version) = after.map_or_else(Default::default, |after| {
                    (after.branch.home.to_string(), after.branch.treatment.to_string(), i64::from(after.version))
                });
                let unsound = list(unsound.iter().map(String::as_str));
                let text = if treatment.is_some() { OF_A_TREATMENT } else { OF_A_DAY };
                let values = values![
                    &day,
                    home.as_deref(),
                    treatment.as_deref(),
                    &after_home,
                    &after_treatment,
                    version,
                    party.as_deref(),
                    &unsound,
                    i64::try_from(at_most).unwrap_or(i64::MAX),
                ];
                let texts = sql.query(text, values, |row| Ok(row.text(0)?.to_owned()))?;
                texts.into_iter().map(|text| with_signatures(sql, text)).collect()
            })
            .await
    }
}

/// A certificate by its text.
pub(super) fn with_signatures(sql: &Sql<'_>, text: String) -> Result<Certificate, StoreError> {
    const SIGNATURES: &str = "SELECT party, signature FROM certificate_signatures
        WHERE day = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4 ORDER BY party, step";
    let agreement = Agreement::read(&text).map_err(|fault| corrupt("certificates", "text", fault))?;
    let [day, home, treatment] = texts(&agreement.branch);
    let values = values![&day, &home, &treatment, i64::from(agreement.version)];
    let signature = |row: Row<'_>| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()));
    // Of each party the last row counts.
    let newest: BTreeMap<String, Vec<u8>> = sql.query(SIGNATURES, values, signature)?.into_iter().collect();
    Ok(Certificate { agreement, text, signatures: newest.into_iter().collect() })
}
