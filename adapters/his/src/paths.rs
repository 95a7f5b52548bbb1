//! Transactions that are named by the path alone: its last segment, either the number itself or a name of the Hebei
//! variant (his-interface.md 1.2). Called by [`crate::envelope`].

/// The number that a path names.
pub fn transaction_of(path: &str) -> Option<String> {
    let last = path.rsplit('/').find(|segment| !segment.is_empty())?;
    let digits = last.strip_suffix(['A', 'a']).unwrap_or(last);
    if (4..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(last.to_owned());
    }
    HEBEI.iter().find(|(name, _)| *name == last).map(|(_, number)| (*number).to_owned())
}

const HEBEI: &[(&str, &str)] = &[
    ("signIn", "9001"),
    ("signOut", "9002"),
    ("queryPsnInfo", "1101"),
    ("outpatientRregistration", "2201"),
    ("outpatientRegistration", "2201"),
    ("outpatientRegistrationCancel", "2202"),
    ("outpatientMdtrtinfoUp", "2203"),
    ("outpatientMdtrtinfoUpA", "2203A"),
    ("outpatientFeeListUp", "2204"),
    ("outpatientFeeListUpCancel", "2205"),
    ("preSettletment", "2206"),
    ("preSettletmentA", "2206A"),
    ("saveSettletmentV2", "2207"),
    ("saveSettletment", "2207A"),
    ("cancleSettletment", "2208"),
    ("feeDtlUp", "2301"),
    ("feeDtlCl", "2302"),
    ("preSett", "2303"),
    ("settV2", "2304"),
    ("settCl", "2305"),
    ("hospitalRegisterSave", "2401"),
    ("dischargeProcess", "2402"),
    ("hospitalRegisterEdit", "2403"),
    ("hospitalRegisterCancel", "2404"),
    ("dischargeUndo", "2405"),
    ("revsMethod", "2601"),
    ("stmtTotal", "3201"),
    ("stmtDetail", "3202"),
    ("querySetlInfo", "5203"),
    ("queryFixmedinsPracPsnSum", "5206"),
    ("queryPsnOpspReg", "5301"),
    ("upload", "9101"),
    ("download", "9102"),
];
