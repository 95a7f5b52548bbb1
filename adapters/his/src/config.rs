//! What a person sets for a treatment side, as it stands in its TOML file. Read by the executable, the demo and tests.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ledger::engine::{Location, LocationFault};
use ledger::store::StoreOptions;
use serde::Deserialize;
use settlement::ids::PoolCode;

/// The settings of a treatment side. Paths are taken as given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where HIS requests come in. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Certificate and key for HTTPS; plain HTTP without, which a loopback address only may have.
    #[serde(default)]
    pub tls: Option<TlsFiles>,
    /// The store: a file, or a PostgreSQL database as `postgres://user@host:port/database`. A secret, since it may hold
    /// a password.
    pub store: Secret,
    /// The folder of the certificate towards the hub.
    pub credentials: PathBuf,
    /// The table of regions.
    pub regions: PathBuf,
    /// The pools whose institutions are served here.
    pub pools: Vec<String>,
    /// The hub, `host:port`.
    pub hub: String,
    /// The catalogue.
    pub catalogue: PathBuf,
    /// The table of institutions.
    pub institutions: PathBuf,
    /// How long the hub has to answer an operation.
    #[serde(default = "default_deadline_ms")]
    pub deadline_ms: u64,
    /// How often the book is compared with the hub's, in milliseconds.
    #[serde(default = "default_compare_every_ms")]
    pub compare_every_ms: u64,
    /// How institutions sign their requests, by code; `*` for all others. Without any, scheme `none`.
    #[serde(default)]
    pub gateways: BTreeMap<String, Gateway>,
    /// Habits of institutions' clients, by code; `*` for all others.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// How `stmt_rslt` is written, by the pool of the institution; `*` for all others.
    #[serde(default)]
    pub statement_codes: BTreeMap<String, StatementCodes>,
    /// Waits this long inside every commit. For measuring only.
    #[serde(default)]
    pub commit_delay_ms: u64,
    /// The store's file never grows beyond so many pages of 4 KiB. For tests of a full disk.
    #[serde(default)]
    pub max_store_pages: Option<u32>,
}

fn default_compare_every_ms() -> u64 {
    3_600_000
}

fn default_deadline_ms() -> u64 {
    9_000
}

/// Certificate chain and key, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// How an institution signs its requests (his-interface.md 1.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "scheme")]
pub enum Gateway {
    /// Not at all; only from the same machine.
    None,
    /// SHA-256 over time stamp, token and nonce.
    XTif {
        /// The sender's name.
        paasid: String,
        /// The shared secret.
        token: Secret,
    },
    /// HMAC-SHA1 over four headers.
    Csb {
        /// The sender's name.
        access_key: String,
        /// The shared secret.
        secret: Secret,
    },
    /// A header with a fixed value.
    Apikey {
        /// The value.
        key: Secret,
        /// The header's name.
        #[serde(default = "default_apikey_header")]
        header: String,
    },
}

fn default_apikey_header() -> String {
    "apikey".into()
}

/// What no log shows: a shared secret, or an address that may hold a password.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How an institution reads `infcode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InfcodeForm {
    /// The number 0 or -1.
    #[default]
    Number,
    /// The text "0" or "-1".
    Text,
}

/// What becomes of a repeat of a message that the home region refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// The refusal again: the next attempt needs a new msgid.
    #[default]
    Remember,
    /// It is judged again, for clients that reuse theirs.
    JudgeAgain,
}

/// Whether a stay may be settled before the discharge was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discharge {
    /// 2402 first, or a mid-way settlement.
    #[default]
    First,
    /// 2304 may come before 2402.
    Later,
}

/// Whether 9001 must have come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SigningIn {
    /// `sign_no` may be empty.
    #[default]
    Optional,
    /// `sign_no` must be one of today.
    Required,
}

/// Whether `fund_pay_sumamt` counts the personal account (Guangdong) or not (H).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FundSum {
    /// Funds only.
    #[default]
    WithoutAccount,
    /// Funds and account.
    WithAccount,
}

/// Habits of an institution's client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// See [`InfcodeForm`].
    pub infcode: InfcodeForm,
    /// See [`Refused`].
    pub refused: Refused,
    /// See [`Discharge`].
    pub discharge: Discharge,
    /// See [`SigningIn`].
    pub sign_in: SigningIn,
    /// See [`FundSum`].
    pub fund_sum: FundSum,
}

/// `stmt_rslt` as a region writes it (his-interface.md section 4): of 3201 the first two, of 3202's file the others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatementCodes {
    /// 一致.
    pub agrees: String,
    /// 不一致.
    pub differs: String,
    /// 中心多.
    pub centre_more: String,
    /// 医院多.
    pub hospital_more: String,
    /// 数据不一致.
    pub data_differ: String,
}

impl Default for StatementCodes {
    fn default() -> StatementCodes {
        StatementCodes {
            agrees: "0".into(),
            differs: "1".into(),
            centre_more: "1".into(),
            hospital_more: "2".into(),
            data_differ: "3".into(),
        }
    }
}

impl Config {
    /// Where the store is.
    ///
    /// # Errors
    /// When the setting is neither a file nor a database.
    pub fn store_location(&self) -> Result<Location, LocationFault> {
        self.store.reveal().parse()
    }

    /// How the store is opened.
    pub fn store_options(&self) -> StoreOptions {
        StoreOptions { commit_delay: Duration::from_millis(self.commit_delay_ms), max_pages: self.max_store_pages }
    }

    /// The habits of an institution's client.
    pub fn profile(&self, institution: &str) -> Profile {
        self.profiles.get(institution).or_else(|| self.profiles.get("*")).copied().unwrap_or_default()
    }

    /// How `stmt_rslt` is written to institutions of a pool.
    pub fn statement_codes(&self, pool: PoolCode) -> StatementCodes {
        let own = self.statement_codes.get(pool.0.as_str());
        own.or_else(|| self.statement_codes.get("*")).cloned().unwrap_or_default()
    }

    /// How an institution signs its requests.
    pub fn gateway(&self, institution: &str) -> &Gateway {
        self.gateways.get(institution).or_else(|| self.gateways.get("*")).unwrap_or(&Gateway::None)
    }
}

#[cfg(test)]
mod tests {
    use settlement::ids::RegionCode;

    use super::*;

    #[test]
    fn settings_are_read_and_an_unknown_one_is_not_passed_over() {
        let text = r#"{"listen": "127.0.0.1:7700", "store": "his.db", "credentials": "c", "regions": "r", "pools": ["310000"],
            "hub": "127.0.0.1:7701", "catalogue": "k", "institutions": "i",
            "gateways": {"H1": {"scheme": "x-tif", "paasid": "p", "token": "t"}, "*": {"scheme": "none"}},
            "profiles": {"H1": {"infcode": "text", "refused": "judge-again"}},
            "statement_codes": {"420100": {"centre_more": "000101"}}}"#;
        let config: Config = serde_json::from_str(text).expect("settings");
        assert_eq!(config.deadline_ms, 9_000);
        assert!(matches!(config.gateway("H1"), Gateway::XTif { .. }) && matches!(config.gateway("H2"), Gateway::None));
        assert_eq!(config.profile("H1").infcode, InfcodeForm::Text);
        assert_eq!(config.profile("H2"), Profile::default());
        let codes = |pool| config.statement_codes(PoolCode(RegionCode::new(pool).expect("a code")));
        assert_eq!((codes("420100").centre_more, codes("420100").hospital_more), ("000101".into(), "2".into()));
        assert_eq!(codes("310000"), StatementCodes::default());
        assert!(!format!("{config:?}").contains("\"t\""), "no secret is shown");
        assert!(serde_json::from_str::<Config>(&text.replace("\"hub\"", "\"hubb\"")).is_err());
    }
}
