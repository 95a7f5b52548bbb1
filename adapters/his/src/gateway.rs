//! Whether a request is from whom it says: the gateway schemes of his-interface.md 1.3. It decides nothing about money.
//! Called by [`crate::http`] once the body has said which institution speaks.

mod csb;
mod x_tif;

use std::net::IpAddr;

use axum::http::HeaderMap;
use jiff::Timestamp;

use crate::config::Gateway;

/// How far a client's clock may be off, in seconds either way (H: 30 minutes).
const WINDOW_SECONDS: i64 = 30 * 60;

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// A header is missing or unreadable.
    #[error("缺少签名头")]
    Missing,
    /// The time stamp is too far off.
    #[error("时间戳超出30分钟")]
    Expired,
    /// No such sender.
    #[error("接入账号不存在")]
    UnknownKey,
    /// The signature or key is wrong.
    #[error("签名不正确")]
    Mismatch,
    /// An unsigned request from another machine.
    #[error("未签名的请求只能来自本机")]
    NotLocal,
}

/// The shape of body in which a scheme tells its refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalShape {
    /// The interface's own envelope.
    Envelope,
    /// `{"code":401,"message":"…"}`.
    CodeAndMessage,
}

/// Checks a request under an institution's scheme.
///
/// # Errors
/// Why it is not taken.
pub fn check(gateway: &Gateway, headers: &HeaderMap, from: IpAddr, now: Timestamp) -> Result<(), GatewayError> {
    match gateway {
        Gateway::None => from.to_canonical().is_loopback().then_some(()).ok_or(GatewayError::NotLocal),
        Gateway::XTif { paasid, token } => x_tif::check(paasid, token, headers, now),
        Gateway::Csb { access_key, secret } => csb::check(access_key, secret, headers, now),
        Gateway::Apikey { key, header } => {
            let given = text(headers, header)?;
            same(given.as_bytes(), key.reveal().as_bytes()).then_some(()).ok_or(GatewayError::Mismatch)
        }
    }
}

/// How a scheme tells its refusals.
pub fn refusal_shape(gateway: &Gateway) -> RefusalShape {
    match gateway {
        Gateway::Csb { access_key: _, secret: _ } => RefusalShape::CodeAndMessage,
        Gateway::None | Gateway::XTif { .. } | Gateway::Apikey { .. } => RefusalShape::Envelope,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, GatewayError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    value.filter(|value| !value.is_empty()).ok_or(GatewayError::Missing)
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}

/// Checks a time stamp in seconds or milliseconds.
fn check_time(stamp: &str, now: Timestamp) -> Result<(), GatewayError> {
    let number: i64 = stamp.parse().map_err(|_| GatewayError::Missing)?;
    let seconds = if stamp.len() > 11 { number / 1_000 } else { number };
    let off = now.as_second().saturating_sub(seconds).saturating_abs();
    (off <= WINDOW_SECONDS).then_some(()).ok_or(GatewayError::Expired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn an_unsigned_request_is_taken_from_this_machine_only() {
        for (from, expected) in [
            ("127.0.0.1", Ok(())),
            ("::1", Ok(())),
            ("::ffff:127.0.0.1", Ok(())),
            ("10.0.0.7", Err(GatewayError::NotLocal)),
        ] {
            let from = from.parse().expect("an address");
            assert_eq!(check(&Gateway::None, &HeaderMap::new(), from, Timestamp::UNIX_EPOCH), expected, "{from}");
        }
    }

    #[test]
    fn a_fixed_key_must_be_the_right_one() {
        let gateway = Gateway::Apikey { key: Secret::new("k1"), header: "apikey".into() };
        let from = "10.0.0.7".parse().expect("an address");
        for (key, expected) in
            [(Some("k1"), Ok(())), (Some("k2"), Err(GatewayError::Mismatch)), (None, Err(GatewayError::Missing))]
        {
            let mut headers = HeaderMap::new();
            if let Some(key) = key {
                headers.insert("apikey", key.parse().expect("a header"));
            }
            assert_eq!(check(&gateway, &headers, from, Timestamp::UNIX_EPOCH), expected, "{key:?}");
        }
    }
}
