//! The CSB scheme: Base64 of HMAC-SHA1 over four headers as `key=value`, sorted by key and joined with `&`. The body is
//! not signed. Time stamps come in seconds and in milliseconds.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha1::Sha1;

use super::{GatewayError, check_time, text};
use crate::config::Secret;

pub fn check(access_key: &str, secret: &Secret, headers: &HeaderMap, now: Timestamp) -> Result<(), GatewayError> {
    let given = text(headers, "_api_signature")?;
    let key = text(headers, "_api_access_key")?;
    let name = text(headers, "_api_name")?;
    let stamp = text(headers, "_api_timestamp")?;
    let version = text(headers, "_api_version")?;
    check_time(stamp, now)?;
    if key != access_key {
        return Err(GatewayError::UnknownKey);
    }
    let given = STANDARD.decode(given).map_err(|_| GatewayError::Mismatch)?;
    let signed = format!("_api_access_key={key}&_api_name={name}&_api_timestamp={stamp}&_api_version={version}");
    mac(secret, &signed).verify_slice(&given).map_err(|_| GatewayError::Mismatch)
}

fn mac(secret: &Secret, signed: &str) -> Hmac<Sha1> {
    let mac = Hmac::<Sha1>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes a key of any length");
    mac.chain_update(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf '%s' '_api_access_key=ak&_api_name=1101&_api_timestamp=1700000000000&_api_version=1.0.0' |
    //   openssl dgst -sha1 -hmac s3cret -binary | base64
    const KNOWN: &str = "nnFx/Ep0nnz3oECDnNQRIdAcBcM=";

    #[test]
    fn four_headers_are_signed_and_nothing_else() {
        let secret = Secret::new("s3cret");
        let now = Timestamp::from_second(1_700_000_600).expect("an instant");
        for (key, stamp, signature, expected) in [
            ("ak", "1700000000000", KNOWN, Ok(())),
            ("ak", "1700000000", KNOWN, Err(GatewayError::Mismatch)),
            ("ak", "1699990000000", KNOWN, Err(GatewayError::Expired)),
            ("bk", "1700000000000", KNOWN, Err(GatewayError::UnknownKey)),
            ("ak", "1700000000000", "!", Err(GatewayError::Mismatch)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("_api_access_key", key),
                ("_api_name", "1101"),
                ("_api_timestamp", stamp),
                ("_api_version", "1.0.0"),
                ("_api_signature", signature),
            ] {
                headers.insert(name, value.parse().expect("a header"));
            }
            assert_eq!(check("ak", &secret, &headers, now), expected, "{key} {stamp} {signature}");
        }
    }
}
