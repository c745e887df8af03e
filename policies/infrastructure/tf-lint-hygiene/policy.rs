use policy_sdk::language::texts;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Terraform is written in the syntax of today
    ///
    /// No expression is a string that holds nothing but one interpolation (`"${var.name}"`), no element of a list is
    /// taken by a dot (`aws_instance.web.0.id`), no list or map is made by `list()` or `map()`, and no type of a
    /// variable stands in quotes. Files in JSON are skipped, since they need the first form.
    ///
    /// Each module has one finding of a kind, at the first place; the message counts them. What is seen are the
    /// expressions whose values depend on a variable without default, or on what is only known after apply.
    ///
    /// ## Why
    /// The old forms are from Terraform 0.11. They are harder to read, tools warn of them with each plan, and `list()`
    /// and `map()` have been removed: the next run with a current version fails.
    ///
    /// ## Fix
    /// ```hcl
    /// name = var.name                  # not "${var.name}"
    /// id   = aws_instance.web[0].id    # not aws_instance.web.0.id
    /// tags = tomap({ team = "shop" })  # not map("team", "shop")
    /// ```
    findings: {
        /// A string holds nothing but one interpolation
        Interpolation: Low, Certain;
        /// An element is taken by a dot
        LegacyIndex: Low, Certain;
        /// A function is used that has been removed
        RemovedFunction: Low, Certain;
        /// The type of a variable stands in quotes
        QuotedType: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Codebase,
    peers: ["TL:terraform_deprecated_interpolation", "TL:terraform_deprecated_index"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    reads: ["files", "blocks"],
}

/// How a place is written.
type Form = (Code, &'static str, fn(&str) -> bool);

const FORMS: [Form; 3] = [
    (Code::Interpolation, "an expression is written as a string with one interpolation", is_interpolation),
    (Code::LegacyIndex, "an element is taken by a dot, expected `[0]`", has_legacy_index),
    (Code::RemovedFunction, "`list()` or `map()` is used, which has been removed", has_removed_function),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let is_json = module.get("files").items().any(|file| file.text().ends_with(".json"));
    let blocks: Vec<View<'_>> = module.get("blocks").items().collect();
    let of_variable = |block: &View<'_>| block.get("type").text() == "variable";
    let expressions: Vec<View<'_>> = blocks
        .iter()
        // The type of a variable is no expression.
        .filter(|block| !of_variable(block))
        .flat_map(|block| texts(&block.get("attributes")).into_iter().chain(texts(&block.get("blocks"))))
        // What is known of `jsonencode(…)` is in the text of that, too.
        .filter(|text| !text.pointer().contains("/$json/"))
        // The text of a here-document is no code.
        .filter(|text| text.pointer().ends_with("/$unknown") && !text.text().starts_with("<<"))
        .collect();
    for (code, what, is_of) in FORMS {
        if is_json && code == Code::Interpolation {
            continue;
        }
        report(code, what, expressions.iter().filter(|text| is_of(text.text())), findings);
    }
    let types: Vec<View<'_>> =
        blocks.iter().filter(|block| of_variable(block)).map(|it| it.at("attributes.type")).collect();
    let quoted =
        types.iter().filter(|it| !is_json && matches!(it.text(), "string" | "list" | "map" | "number" | "bool"));
    report(Code::QuotedType, "the type of a variable stands in quotes", quoted, findings);
    Ok(())
}

/// Reports the first of some places, and how many there are.
fn report<'v, 'd: 'v>(code: Code, what: &str, mut places: impl Iterator<Item = &'v View<'d>>, findings: &mut Findings) {
    let Some(first) = places.next() else { return };
    let more = match places.count() {
        0 => String::new(),
        count => format!(", as in {count} more places of the module"),
    };
    findings.report(code, first, format!("{what}{more}"));
}

/// Whether a text is a string that holds nothing but one interpolation: `"${var.name}"`.
fn is_interpolation(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("\"${").and_then(|rest| rest.strip_suffix("}\"")) else { return false };
    // The brace that closes it is the last one.
    let mut depth = 0i32;
    inner.bytes().all(|byte| {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        depth >= 0
    })
}

/// Whether an element is taken by a dot: a name or bracket, a dot, a number.
fn has_legacy_index(text: &str) -> bool {
    without_strings(text).match_indices('.').any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + 1..]);
        let digits = behind.len() - behind.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let word = before
            .rsplit(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '_' | '-')))
            .next()
            .unwrap_or_default();
        let is_name =
            word.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_') || before.ends_with([']', '*']);
        let ends = behind[digits..].chars().next().is_none_or(|it| !(it.is_ascii_alphanumeric() || it == '_'));
        digits > 0 && is_name && ends
    })
}

fn has_removed_function(text: &str) -> bool {
    let code = without_strings(text);
    ["list(", "map("].iter().any(|call| {
        code.match_indices(call).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            before.is_none_or(|it| !(it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-')))
        })
    })
}

/// An expression with spaces in place of what stands in quotes, but for interpolations.
fn without_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Whether each of the levels is a string; a string's interpolation is a level of its own.
    let mut levels = vec![false];
    let mut before = ' ';
    for letter in text.chars() {
        let in_string = levels.last().copied().unwrap_or(false);
        match letter {
            '"' if in_string && before != '\\' => drop(levels.pop()),
            '"' if !in_string => levels.push(true),
            '{' if in_string && before == '$' => levels.push(false),
            '{' if !in_string => levels.push(false),
            '}' if !in_string && levels.len() > 1 => drop(levels.pop()),
            _ => {}
        }
        let is_shown = !in_string || letter == '\n';
        out.extend(std::iter::repeat_n(
            if is_shown { letter } else { ' ' },
            if is_shown { 1 } else { letter.len_utf8() },
        ));
        before = letter;
    }
    out
}
