//! Words, quotes and `$variables` as BuildKit's `shell.Lex` reads them.

use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

/// Values of variables by name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<Rc<str>>;

/// How a text is read.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// The escape character.
    pub escape: char,
    /// Keep quotes in the result.
    pub raw_quotes: bool,
    /// Keep escape characters in the result.
    pub raw_escapes: bool,
    /// Leave unset variables as written instead of replacing them with nothing.
    pub skip_unset: bool,
    /// How deeply `${a:-${b}}` may nest.
    pub depth: usize,
    /// How long the result may become.
    pub bytes: usize,
}

/// A text after expansion.
pub(super) struct Expanded {
    /// The text.
    pub text: String,
    /// The text split at unquoted blanks.
    pub words: Vec<String>,
    /// True when a variable without a known value decided what the text is.
    pub unknown: bool,
}

/// Why a text cannot be expanded.
pub(super) enum Failure {
    /// It is not valid.
    Syntax(String),
    /// It goes beyond a bound.
    Limit(String),
}

impl Failure {
    fn syntax(message: &str) -> Self {
        Self::Syntax(message.to_owned())
    }

    /// What to tell people.
    pub(super) fn message(self) -> String {
        match self {
            Self::Syntax(message) | Self::Limit(message) => message,
        }
    }
}

/// Expands variables and removes quotes.
pub(super) fn expand(text: &str, options: Options, lookup: Lookup<'_>) -> Result<Expanded, Failure> {
    let mut lexer = Lexer { chars: text.chars().peekable(), options, lookup, unknown: false };
    let (text, words) = lexer.until(None, options.raw_escapes, 0)?;
    Ok(Expanded { text, words, unknown: lexer.unknown })
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    options: Options,
    lookup: Lookup<'a>,
    unknown: bool,
}

#[derive(Default)]
struct Words {
    word: String,
    words: Vec<String>,
    in_word: bool,
}

impl Words {
    fn add(&mut self, character: char) {
        if !character.is_whitespace() {
            self.add_raw(character);
        } else if self.in_word && !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
            self.in_word = false;
        }
    }

    fn add_raw(&mut self, character: char) {
        self.word.push(character);
        self.in_word = true;
    }

    fn add_raw_text(&mut self, text: &str) {
        self.word.push_str(text);
        self.in_word = true;
    }

    fn finish(mut self) -> Vec<String> {
        if !self.word.is_empty() {
            self.words.push(self.word);
        }
        self.words
    }
}

impl Lexer<'_> {
    /// Reads up to `stop`, or to the end. Only the outermost call needs the words.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool, depth: usize) -> Result<(String, Vec<String>), Failure> {
        if depth > self.options.depth {
            let message = format!("variables nested deeper than {} levels (limit `depth`)", self.options.depth);
            return Err(Failure::Limit(message));
        }
        let mut text = String::new();
        let mut words = (depth == 0).then(Words::default);
        while let Some(&next) = self.chars.peek() {
            if Some(next) == stop {
                self.chars.next();
                return Ok((text, words.map(Words::finish).unwrap_or_default()));
            }
            match next {
                '$' => {
                    let value = self.dollar(depth)?;
                    if let Some(words) = &mut words {
                        value.chars().for_each(|character| words.add(character));
                    }
                    text.push_str(&value);
                }
                '\'' | '"' | '<' => {
                    let part = match next {
                        '\'' => self.single_quote()?,
                        '"' => self.double_quote(raw_escapes, depth)?,
                        _ => self.possible_heredoc(),
                    };
                    if let Some(words) = &mut words {
                        words.add_raw_text(&part);
                    }
                    text.push_str(&part);
                }
                _ => self.plain(raw_escapes, &mut text, words.as_mut()),
            }
            self.check_length(&text)?;
        }
        match stop {
            Some(stop) => Err(Failure::Syntax(format!("`{stop}` is missing"))),
            None => Ok((text, words.map(Words::finish).unwrap_or_default())),
        }
    }

    fn plain(&mut self, raw_escapes: bool, text: &mut String, mut words: Option<&mut Words>) {
        let Some(character) = self.chars.next() else { return };
        if character != self.options.escape {
            text.push(character);
            if let Some(words) = words {
                words.add(character);
            }
            return;
        }
        let kept = [Some(character).filter(|_| raw_escapes), self.chars.next()];
        for character in kept.into_iter().flatten() {
            text.push(character);
            if let Some(words) = &mut words {
                words.add_raw(character);
            }
        }
    }

    fn check_length(&self, text: &str) -> Result<(), Failure> {
        if text.len() > self.options.bytes {
            let message = format!("expands to more than {} bytes (limit `bytes`)", self.options.bytes);
            return Err(Failure::Limit(message));
        }
        Ok(())
    }

    fn single_quote(&mut self) -> Result<String, Failure> {
        let mut text = String::new();
        self.quote(&mut text);
        loop {
            match self.chars.peek() {
                None => return Err(Failure::syntax("a single quote is not closed")),
                Some('\'') => {
                    self.quote(&mut text);
                    return Ok(text);
                }
                Some(_) => text.extend(self.chars.next()),
            }
        }
    }

    /// Passes over a quote, keeping it where quotes are kept.
    fn quote(&mut self, text: &mut String) {
        let quote = self.chars.next();
        if self.options.raw_quotes {
            text.extend(quote);
        }
    }

    fn double_quote(&mut self, raw_escapes: bool, depth: usize) -> Result<String, Failure> {
        let mut text = String::new();
        self.quote(&mut text);
        loop {
            match self.chars.peek() {
                None => return Err(Failure::syntax("a double quote is not closed")),
                Some('"') => {
                    self.quote(&mut text);
                    return Ok(text);
                }
                Some('$') => text.push_str(&self.dollar(depth)?),
                Some(_) => self.double_quoted_character(raw_escapes, &mut text),
            }
            self.check_length(&text)?;
        }
    }

    fn double_quoted_character(&mut self, raw_escapes: bool, text: &mut String) {
        let Some(character) = self.chars.next() else { return };
        if character != self.options.escape {
            text.push(character);
            return;
        }
        if raw_escapes {
            text.push(character);
        }
        match self.chars.peek().copied() {
            None => {}
            Some(escaped) if escaped == '"' || escaped == '$' || escaped == self.options.escape => {
                text.extend(self.chars.next());
            }
            // Before anything else the escape character stands for itself.
            Some(_) => text.push(character),
        }
    }

    /// Keeps blanks behind `<<` in the word, since a heredoc's name may follow them.
    fn possible_heredoc(&mut self) -> String {
        let mut text = String::new();
        text.extend(self.chars.next());
        if self.chars.peek() != Some(&'<') {
            return text;
        }
        text.extend(self.chars.next());
        while self.chars.peek().is_some_and(|next| next.is_whitespace()) {
            text.extend(self.chars.next());
        }
        text
    }

    fn dollar(&mut self, depth: usize) -> Result<String, Failure> {
        self.chars.next();
        if self.chars.peek() != Some(&'{') {
            let name = self.name();
            return Ok(match self.get(&name) {
                _ if name.is_empty() => "$".to_owned(),
                None if self.options.skip_unset => format!("${name}"),
                value => self.plain_value(value.as_ref()),
            });
        }
        self.chars.next();
        match self.chars.peek() {
            None => return Err(Failure::syntax("`}` is missing")),
            Some('{' | '}' | ':') => return Err(Failure::syntax("bad substitution")),
            Some(_) => {}
        }
        let name = self.name();
        match self.chars.next() {
            Some('}') => Ok(match self.get(&name) {
                None if self.options.skip_unset => format!("${{{name}}}"),
                value => self.plain_value(value.as_ref()),
            }),
            Some(':') => {
                let modifier = self.chars.next();
                self.modified(&name, ":", modifier, depth)
            }
            Some('/') => self.replaced(&name, depth),
            modifier => self.modified(&name, "", modifier, depth),
        }
    }

    fn plain_value(&mut self, value: Option<&Rc<str>>) -> String {
        self.unknown |= value.is_none();
        value.map(ToString::to_string).unwrap_or_default()
    }

    fn get(&self, name: &str) -> Option<Rc<str>> {
        (self.lookup)(name)
    }

    /// `${name-word}` and its like; with a colon, an empty value counts as unset.
    fn modified(&mut self, name: &str, colon: &str, modifier: Option<char>, depth: usize) -> Result<String, Failure> {
        let modifier = match modifier {
            Some(known @ ('+' | '-' | '?' | '#' | '%')) => known,
            Some(other) => {
                let message = format!("unsupported modifier `{colon}{other}` in a substitution");
                return Err(Failure::Syntax(message));
            }
            None => return Err(Failure::syntax("`}` is missing")),
        };
        let (word, _) = self.until(Some('}'), matches!(modifier, '#' | '%'), depth + 1)?;
        let value = self.get(name);
        if value.is_none() && self.options.skip_unset {
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let usable = value.filter(|value| colon.is_empty() || !value.is_empty());
        match (modifier, usable) {
            ('-', None) => Ok(word),
            ('-' | '?', Some(value)) => Ok(value.to_string()),
            ('+', None) => Ok(String::new()),
            ('+', Some(_)) => Ok(word),
            // Whether it is set at build time is not known here; patterns are not evaluated.
            _ => {
                self.unknown = true;
                Ok(String::new())
            }
        }
    }

    /// `${name/pattern/replacement}`: read, but not evaluated.
    fn replaced(&mut self, name: &str, depth: usize) -> Result<String, Failure> {
        let all = if self.chars.next_if_eq(&'/').is_some() { "/" } else { "" };
        let (pattern, _) = self.until(Some('/'), true, depth + 1)?;
        let (replacement, _) = self.until(Some('}'), true, depth + 1)?;
        if self.options.skip_unset {
            return Ok(format!("${{{name}/{all}{pattern}/{replacement}}}"));
        }
        self.unknown = true;
        Ok(String::new())
    }

    /// A variable's name: letters, digits and `_`; or digits alone; or one special parameter.
    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.chars.peek().copied() {
            Some(first) if first.is_numeric() => {
                while let Some(digit) = self.chars.next_if(|next| next.is_numeric()) {
                    name.push(digit);
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(self.chars.next()),
            _ => {
                while let Some(next) = self.chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    name.push(next);
                }
            }
        }
        name
    }
}
