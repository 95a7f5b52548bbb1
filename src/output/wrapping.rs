//! Lays a long text out so that it fits a printed page. What goes on in the next line stands under where the text began.

/// The columns that fit a page: of Chinese letters half as many.
const PAGE: usize = 100;

/// The lines of a text behind what stands before it.
pub(super) fn in_lines(before: &str, text: &str) -> Vec<String> {
    let indent = before.chars().count();
    let mut lines = Vec::new();
    let (mut line, mut at) = (before.to_owned(), indent);
    for piece in pieces(text) {
        if at > indent && at + width(piece.trim_end()) > PAGE {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            at = indent;
        }
        line.push_str(piece);
        at += width(piece);
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The columns that a text takes: a letter of ASCII one, any other at most two.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

/// A text cut wherever a line may end: behind a space, and between two letters of which one is Chinese, but neither before a
/// mark that closes nor behind one that opens.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut last) = (0, None);
    for (at, letter) in text.char_indices() {
        if last.is_some_and(|last| may_part(last, letter)) {
            pieces.push(&text[from..at]);
            from = at;
        }
        last = Some(letter);
    }
    pieces.push(&text[from..]);
    pieces
}

fn may_part(last: char, next: char) -> bool {
    const OPENS: [char; 7] = ['（', '“', '〔', '《', '【', '(', '['];
    const CLOSES: [char; 18] =
        ['，', '。', '；', '：', '、', '）', '”', '〕', '》', '】', '？', '！', '%', ',', '.', ';', ')', ']'];
    if next == ' ' || OPENS.contains(&last) || CLOSES.contains(&next) {
        return false;
    }
    last == ' ' || !last.is_ascii() || !next.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_goes_on_under_where_it_began_and_no_line_is_wider_than_a_page() {
        let text = "公开网页：西宁市、青海省医保待遇（转载） policy.md C.8、D.8 部分人员大病起付线5000元：按特困、低保、返贫致贫理解；\
                    返贫致贫同低保是假设 · 演示假设";
        let lines = in_lines("       · catastrophic.deductible.assisted · ", text);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line) <= PAGE + 2), "{lines:#?}");
        let indent = "       · catastrophic.deductible.assisted · ".chars().count();
        assert!(lines[1..].iter().all(|line| line.len() - line.trim_start().len() == indent), "{lines:#?}");
        let joined: String = lines.iter().map(|line| line.trim_start()).collect();
        let without = |text: &str| text.replace(' ', "");
        assert_eq!(without(&joined), without(&format!("· catastrophic.deductible.assisted · {text}")));
        assert!(lines.iter().all(|line| !line.trim_start().starts_with(['，', '。', '；', '）', '、'])), "{lines:#?}");
    }

    #[test]
    fn an_amount_and_a_short_text_stay_whole() {
        assert_eq!(in_lines("  1  ", "起付线500.00。"), ["  1  起付线500.00。"]);
        assert_eq!(in_lines("  1  ", ""), ["  1"]);
        let text = "统筹基金支付123456.78（年度累计0.00 → 123456.78），".repeat(4);
        let lines = in_lines("  1  ", &text);
        assert_eq!(lines.iter().map(|line| line.matches("123456.78").count()).sum::<usize>(), 8, "{lines:#?}");
    }
}
