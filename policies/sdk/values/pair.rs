//! Files of `name = value` lines that no language is for: INI, TOML without its lists, properties, `.env`, all alike as
//! far as this goes.

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The name, without `export`.
    pub name: &'a str,
    /// The value, without quotes around it.
    pub value: &'a str,
    /// The whole line, without the space around it.
    pub line: &'a str,
}

/// Whether a file of this name holds such lines.
pub fn holds_pairs(file: &str) -> bool {
    const ENDINGS: [&str; 8] = [".ini", ".properties", ".env", ".toml", ".conf", ".cfg", ".cnf", ".config"];
    ENDINGS.iter().any(|ending| file.ends_with(ending))
}

/// The lines with a name of one word, `=` and a value. Comments, sections and all else are skipped.
pub fn pairs(text: &str) -> impl Iterator<Item = Pair<'_>> {
    text.lines().filter_map(|line| {
        let line = line.trim_ascii();
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';', '!', '[', '/']))?;
        let name = name.trim_ascii();
        let name = name.strip_prefix("export ").map_or(name, str::trim_ascii);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_name)).then(|| Pair {
            name,
            value: unquoted(value.trim_ascii()),
            line,
        })
    })
}

/// A value without quotes, or without the comment behind it.
fn unquoted(value: &str) -> &str {
    let quoted = |quote| value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inner, _)| inner);
    quoted('"').or_else(|| quoted('\'')).unwrap_or_else(|| {
        let comment = [" #", " ;", "\t#"].iter().filter_map(|start| value.find(start)).min();
        comment.map_or(value, |at| value[..at].trim_ascii_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_files() {
        let text = "# a = 1\n[db]\n; b = 2\nuser = app ; who\r\npassword: x\n  db.password=\"hun ter2\" # old\nexport TOKEN='a=b'\n\
                    if [ a = b ]\nempty=\n";
        let found: Vec<_> = pairs(text).map(|pair| (pair.name, pair.value)).collect();
        assert_eq!(found, [("user", "app"), ("db.password", "hun ter2"), ("TOKEN", "a=b"), ("empty", "")]);
        assert_eq!(pairs(text).nth(1).map(|pair| pair.line), Some("db.password=\"hun ter2\" # old"));
        assert!(holds_pairs("application.properties") && holds_pairs(".env") && !holds_pairs("run.sh"));
    }
}
