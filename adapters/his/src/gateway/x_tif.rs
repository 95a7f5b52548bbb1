//! The x-tif scheme: SHA-256 over time stamp, shared token, nonce and time stamp once more, in hexadecimal.

use axum::http::HeaderMap;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{GatewayError, check_time, same, text};
use crate::config::Secret;

pub fn check(paasid: &str, token: &Secret, headers: &HeaderMap, now: Timestamp) -> Result<(), GatewayError> {
    let stamp = text(headers, "x-tif-timestamp")?;
    let nonce = text(headers, "x-tif-nonce")?;
    let given = text(headers, "x-tif-signature")?.to_ascii_lowercase();
    if text(headers, "x-tif-paasid")? != paasid {
        return Err(GatewayError::UnknownKey);
    }
    check_time(stamp, now)?;
    let signature = sign(stamp, token, nonce);
    same(given.as_bytes(), signature.as_bytes()).then_some(()).ok_or(GatewayError::Mismatch)
}

fn sign(stamp: &str, token: &Secret, nonce: &str) -> String {
    let digest = Sha256::new()
        .chain_update(stamp)
        .chain_update(token.reveal())
        .chain_update(nonce)
        .chain_update(stamp)
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf '%s' 1700000000s3cretn0nce1700000000 | sha256sum
    const KNOWN: &str = "75c24ea5c620e454495d3e0382792e0d5712080aaccfa4bf3ae8626cdb577507";

    #[test]
    fn a_signature_is_checked_without_regard_to_case() {
        let token = Secret::new("s3cret");
        let signature = sign("1700000000", &token, "n0nce");
        assert_eq!(signature, KNOWN);
        let now = Timestamp::from_second(1_700_000_600).expect("an instant");
        for (paasid, stamp, given, expected) in [
            ("app", "1700000000", signature.clone(), Ok(())),
            ("app", "1700000000", signature.to_ascii_uppercase(), Ok(())),
            ("other", "1700000000", signature.clone(), Err(GatewayError::UnknownKey)),
            ("app", "1700000001", signature.clone(), Err(GatewayError::Mismatch)),
            ("app", "1699990000", sign("1699990000", &token, "n0nce"), Err(GatewayError::Expired)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("x-tif-paasid", paasid),
                ("x-tif-timestamp", stamp),
                ("x-tif-nonce", "n0nce"),
                ("x-tif-signature", given.as_str()),
            ] {
                headers.insert(name, value.parse().expect("a header"));
            }
            assert_eq!(check("app", &token, &headers, now), expected, "{paasid} {stamp} {given}");
        }
    }
}
