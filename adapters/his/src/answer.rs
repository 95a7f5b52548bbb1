//! What a desk is told: the one place where refusals become `err_msg`, and where answers get their envelope. The desk
//! guide `docs/窗口指引.md` is written from the texts here. Called by `http`.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use settlement::refusal::{Reason, Refusal};

use crate::config::InfcodeForm;
use crate::desk_time;

/// What a transaction answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nodes, in the envelope.
    Nodes(Reply),
    /// A refusal, with nodes beside it for whoever asked for more than the one question.
    Refused(Box<Refusal>, Reply),
    /// A file, as it is and without an envelope (9102).
    File(Bytes),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer::Nodes(reply)
    }
}

impl From<Bytes> for Answer {
    fn from(file: Bytes) -> Answer {
        Answer::File(file)
    }
}

/// A transaction's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The nodes; never empty.
    pub output: Output,
    /// `warn_msg`.
    pub warning: Option<String>,
    /// `inf_refmsgid` of the first answer; none for what is not kept.
    pub reference: Option<String>,
}

impl Reply {
    /// An answer that nothing keeps.
    pub fn of(nodes: &impl Serialize) -> Reply {
        Reply { output: Output::of(nodes), warning: None, reference: None }
    }
}

/// The nodes of an answer, written as JSON once, whether they are kept, sent, or both.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Output(Box<RawValue>);

impl Output {
    /// Writes nodes: texts, numbers and what is made of them.
    pub fn of(nodes: &impl Serialize) -> Output {
        Output(to_raw_value(nodes).expect("texts and JSON values are written as JSON"))
    }

    /// The nodes as they were kept; none where they are no JSON.
    pub fn kept(text: String) -> Option<Output> {
        RawValue::from_string(text).ok().map(Output)
    }

    /// As it is kept.
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

/// When a message came, when it is answered, and under which number.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it came.
    pub received: Timestamp,
    /// When it is answered.
    pub answered: Timestamp,
    /// The number of the exchange, from which ids are made.
    pub number: i64,
    /// `inf_refmsgid`, unless the reply has one of its own: that of the first answer. It also goes to hub and home as
    /// the request id.
    pub reference: String,
    /// How the institution reads `infcode`.
    pub infcode: InfcodeForm,
}

/// The response envelope (his-interface.md 1.5).
#[derive(Serialize)]
struct Envelope<'a> {
    infcode: Value,
    inf_refmsgid: &'a str,
    refmsg_time: String,
    respond_time: String,
    enctype: Option<()>,
    signtype: Option<()>,
    cainfo: Option<()>,
    warn_msg: Option<&'a str>,
    err_msg: Option<String>,
    output: Option<&'a Output>,
}

/// The body of an answer.
pub fn body(exchange: &Exchange, answer: Result<&Reply, &Refusal>) -> Vec<u8> {
    body_of(exchange, answer.ok(), answer.err())
}

/// The body of an answer that refuses and has nodes beside it.
pub fn refused_body(exchange: &Exchange, refusal: &Refusal, beside: &Reply) -> Vec<u8> {
    body_of(exchange, Some(beside), Some(refusal))
}

fn body_of(exchange: &Exchange, reply: Option<&Reply>, refusal: Option<&Refusal>) -> Vec<u8> {
    let code = if refusal.is_none() { 0 } else { -1 };
    let infcode = match exchange.infcode {
        InfcodeForm::Number => json!(code),
        InfcodeForm::Text => json!(code.to_string()),
    };
    let envelope = Envelope {
        infcode,
        inf_refmsgid: reply.and_then(|reply| reply.reference.as_deref()).unwrap_or(&exchange.reference),
        refmsg_time: desk_time::seventeen_digits(exchange.received),
        respond_time: desk_time::seventeen_digits(exchange.answered),
        enctype: None,
        signtype: None,
        cainfo: None,
        warn_msg: reply.and_then(|reply| reply.warning.as_deref()),
        err_msg: refusal.map(text),
        output: reply.map(|reply| &reply.output),
    };
    serde_json::to_vec(&envelope).expect("texts and JSON values are written as JSON")
}

/// A refusal as a desk reads it: the code, what is wrong, the field, what exactly, and what to do.
pub fn text(refusal: &Refusal) -> String {
    let (what, remedy) = words(refusal.reason);
    let mut text = format!("[{}]{what}", refusal.reason.code());
    if let Some(field) = &refusal.field {
        text.push_str(&format!("(字段{field})"));
    }
    if let Some(detail) = &refusal.detail {
        text.push_str(&format!(":{detail}"));
    }
    text.push('。');
    text.push_str(remedy);
    text
}

/// What is wrong, in a few words.
pub fn short(reason: Reason) -> &'static str {
    words(reason).0
}

const ASK_HOME: &str = "请参保人联系参保地经办机构,办妥后换新的msgid重新结算;急需时可全额自费后回参保地手工报销";
const RETRY: &str = "未产生任何费用,请稍后用同一msgid重发";

/// Every reason: what is wrong, and what to do.
fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Malformed => ("报文不是有效的JSON或结构不对", "请检查接口程序后重发"),
        Reason::TooLarge => ("报文超过8MB", "请分批上传"),
        Reason::NotAuthenticated => ("身份验证未通过:签名、密钥或时间戳不正确", "请联系信息科核对接入参数和时钟"),
        Reason::UnknownTransaction => ("没有这个交易", "请核对infno"),
        Reason::MissingField => ("缺少必填项", "请补全后重发"),
        Reason::InvalidField => ("数据项的值不正确", "请更正后重发"),

        Reason::UnknownInstitution => ("医药机构编码不存在或当日无效", "请核对fixmedins_code"),
        Reason::InstitutionNotYours => ("该机构不由本接入点办理", "请核对机构编码和接入地址"),
        Reason::AgreementSuspended => ("机构医保协议暂停中", "不能直接结算,请全额收费并告知参保人回参保地手工报销"),
        Reason::CareNotOpened => ("机构未开通此类就医的异地结算", "请核对med_type,或全额收费"),
        Reason::DiseaseNotOpened => ("机构未开通该病种的异地结算", "请核对dise_codg,或全额收费"),
        Reason::UnknownRegion => ("参保地区划代码不存在或不是统筹区", "请用1101核对insuplc_admdvs"),
        Reason::RegionNotServed => ("参保地尚未接入异地直接结算", "请全额收费,参保人回参保地手工报销"),
        Reason::MemberSuspended => {
            ("就医地因参保地长期未拨付清算款,已暂停其直接结算", "请全额收费,参保人回参保地手工报销")
        }

        Reason::ContentDiffers => {
            ("同一msgid曾发送过不同内容,未作处理", "如确需办理请换新的msgid;原内容重发可得原结果")
        }
        Reason::Voided => ("该报文已作废,未结算也不会再结算", "请换新的msgid重新发送"),

        Reason::UnknownEncounter => ("本机构没有该人员的这次就诊登记", "请核对mdtrt_id和psn_no"),
        Reason::EncounterClosed => ("就诊已撤销或已出院,不能再做此操作", "已出院的须先2405撤销出院"),
        Reason::NotDischarged => ("尚未办理出院", "请先办理2402出院;中途结算请将mid_setl_flag置1"),
        Reason::UndoFirst => {
            ("须先撤销后续业务", "请按次序撤销:先结算(2208/2305),再出院(2405),再费用(2205/2302),最后登记(2202/2404)")
        }
        Reason::NoCharges => ("没有可结算的费用明细", "请先上传明细(2204/2301)"),
        Reason::TotalDiffers => {
            ("医疗费总额与已上传明细合计不符,未结算", "请核对漏传、重传或退费后换新的msgid重新结算")
        }
        Reason::UnknownCharge => ("没有这条费用明细或已撤销", "请核对feedetl_sn和chrg_bchno"),
        Reason::DuplicateCharge => ("费用明细流水号重复,本次上传的明细均未保存", "请换流水号后整批重传"),
        Reason::NegativeBeyondOriginal => (
            "负数明细没有对应的原明细或超过原明细余量,本次上传的明细均未保存",
            "请核对init_feedetl_sn、数量和金额后整批重传",
        ),
        Reason::SumsDiffer => ("金额关系不成立", "请核对金额后换新的msgid重新发送"),

        Reason::UnknownPerson => ("参保地查无此人", "请核对证件、姓名和参保地"),
        Reason::NotInsured => ("就诊当日未参保", ASK_HOME),
        Reason::BenefitsSuspended => ("就诊当日待遇暂停", ASK_HOME),
        Reason::ThirdPartyLiable => {
            ("外伤涉及第三方责任,不能直接结算", "请全额收费,由参保人向责任方追偿或回参保地办理")
        }
        Reason::NotFiled => {
            ("未办理异地就医备案,参保地不予直接结算", "可补办备案(出院结算前有效)后换新的msgid重新结算,或全额收费")
        }
        Reason::DiseaseMissing => ("门诊慢特病结算未填病种", "请填dise_codg(M开头的病种编码)后换新的msgid重新发送"),
        Reason::NotQualified => {
            ("参保人没有该病种的门诊慢特病资格", "请用5301核对病种;不得改按普通门诊结算,可全额收费,回参保地办理")
        }
        Reason::DiseaseNotSettled => ("该病种不在异地直接结算范围", "不得改按普通门诊结算,请全额收费,回参保地手工报销"),
        Reason::NotPayable => ("参保地政策不支付此类就医", ASK_HOME),
        Reason::NoRuleBook => ("参保地当日没有生效的待遇规则", ASK_HOME),
        Reason::RuleUnset => ("参保地该项规则未明确,不作推测", ASK_HOME),
        Reason::AlreadySettled => ("该批次或住院已结算,未重复结算", "请用5203查询原结算;确需重结先撤销原结算"),
        Reason::OverlappingStay => ("与该人员另一次住院时间重叠", "请核对入出院时间,转院可重叠一天"),
        Reason::ClaimedManually => ("该费用已在参保地手工报销", "不能再直接结算,请勿重复报销"),
        Reason::FilingLocked => {
            ("备案在变更锁定期内,不能变更", "请按提示日期之后再变更,或由参保地经办机构核实后作废原备案")
        }

        Reason::UnknownSettlement => ("没有有效的结算记录", "如需结算可直接办理;查询请核对setl_id、mdtrt_id和psn_no"),
        Reason::AlreadyCancelled => ("该结算已撤销,未重复撤销", "无需再撤销"),
        Reason::AlreadyReversed => ("该报文或结算已冲正,不再有效", "如需结算请换新的msgid"),
        Reason::SettledAgain => ("撤销后已重新结算,原撤销不能冲正", "请按新的结算办理"),
        Reason::AmbiguousOriginal => {
            ("该报文号对应多笔有效业务,无法确定冲正哪一笔", "请用5203查询后按setl_id撤销(2208/2305)")
        }
        Reason::NotReversible => ("该交易不能冲正", "可冲正:2201、2204、2207、2208、2301、2304、2305、2401、2402"),

        Reason::RegionUnavailable => ("参保地或平台暂时不通,报文未送达", RETRY),
        Reason::Busy => ("系统繁忙,未受理", RETRY),
        Reason::NotYetKnown => {
            ("结果尚不确定:请勿重复收费", "请用5203查询或原样重发;仍不明确时用2601冲正;冲正确认成功后才可全额收费")
        }
        Reason::Internal => ("系统内部故障,未作处理", RETRY),
    }
}

#[cfg(test)]
mod tests {
    use settlement::rulebook::unknown::LONGEST_CLAUSE;

    use super::*;

    #[test]
    fn every_reason_has_a_text_with_its_code_that_fits_the_field() {
        for reason in Reason::ALL {
            let text = text(&Refusal::new(*reason).of_field("data.medfee_sumamt").because("应为100.00"));
            assert!(text.starts_with(&format!("[{}]", reason.code())), "{text}");
            assert!(text.contains("data.medfee_sumamt") && text.chars().count() <= 200, "{text}");
        }
    }

    /// The longest clause that a refusal shows, beside a path that is long too.
    #[test]
    fn an_unknown_rule_in_words_fits_the_field() {
        let path = "inpatient.deductible_factor.out-of-province-other-temporary";
        let detail = format!("{}({path})", "线".repeat(LONGEST_CLAUSE));
        let text = text(&Refusal::new(Reason::RuleUnset).because(detail));
        assert!(text.chars().count() <= 200, "{}: {text}", text.chars().count());
    }

    #[test]
    fn the_desk_guide_says_what_the_texts_say() {
        let guide = include_str!("../../../docs/窗口指引.md");
        for reason in Reason::ALL {
            let (what, remedy) = words(*reason);
            let row = format!("| {} | {what} | {remedy} |", reason.code());
            assert!(guide.contains(&row), "docs/窗口指引.md lacks the row\n{row}");
        }
    }

    #[test]
    fn an_answer_has_the_nationals_shape() {
        let exchange = Exchange {
            received: "2025-06-30T16:00:00Z".parse().expect("an instant"),
            answered: "2025-06-30T16:00:00.5Z".parse().expect("an instant"),
            number: 1,
            reference: "r".into(),
            infcode: InfcodeForm::Number,
        };
        let refused: Value =
            serde_json::from_slice(&body(&exchange, Err(&Reason::NoCharges.into()))).expect("a JSON body");
        assert_eq!((&refused["infcode"], &refused["output"]), (&json!(-1), &Value::Null));
        assert_eq!(refused["respond_time"], json!("20250701000000500"));
        let nodes = json!({"data": {"infno": "2402"}});
        let done = body(&Exchange { infcode: InfcodeForm::Text, ..exchange }, Ok(&Reply::of(&nodes)));
        let done: Value = serde_json::from_slice(&done).expect("a JSON body");
        assert_eq!((&done["infcode"], &done["err_msg"]), (&json!("0"), &Value::Null));
        assert_eq!(done["output"]["data"]["infno"], json!("2402"));
    }
}
