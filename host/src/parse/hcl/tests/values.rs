//! What expressions come to, and what is not known.

use super::x;
use serde_json::json;

fn is_unknown(expression: &str, others: &str) {
    assert_eq!(x(expression, others), json!({ "$unknown": expression }), "{expression}");
}

#[test]
fn letters_and_marks_are_one_character_where_there_is_one() {
    assert_eq!(x("\"a\u{300}\"", ""), "\u{e0}");
    assert_eq!(x("<<A\na\u{300}\nA\n", ""), "\u{e0}\n");
    assert_eq!(x("\"a${\"\u{300}\"}\"", ""), "\u{e0}");
    assert_eq!(x("join(\"\", [\"a\", \"\u{300}\"])", ""), "\u{e0}");
}

#[test]
fn references_resolve() {
    let others = "locals {\n a = { k = [\"x\", \"y\"], \"q r\" = var.n }\n b = local.a.k\n c = \"${local.b[1]}-${var.n}\"\n d = local.c\n}\nvariable \"n\" { default = 5 }\nvariable \"o\" {}\n";
    assert_eq!(x("local.b", others), json!(["x", "y"]));
    assert_eq!(x("local.d", others), "y-5");
    assert_eq!(x("\"${var.n}\"", others), 5);
    assert_eq!(x("\"<${~ var.n ~}  >\"", others), "<5>");
    assert_eq!(x("local.a[\"q r\"]", others), 5);
    assert_eq!(x("local.a.k.0", others), "x");
    assert_eq!(x("local.a.k[var.n - 4]", others), "y");
    assert_eq!(x("local.b[*]", others), json!(["x", "y"]));
    assert_eq!(x("[local.a][*].k[0]", others), json!(["x"]));
    assert_eq!(x("[local.a].*.k[0]", others), json!(["x", "y"]));
    assert_eq!(x("var.n[*]", others), json!([5]));
    assert_eq!(x("null[*]", others), json!([]));
    assert_eq!(x("[local.a.k[0], var.o]", others), json!(["x", { "$unknown": "var.o" }]));
    for unknown in [
        "var.o",
        "local.none",
        "\"a${var.o}\"",
        "\"${var.o}\"",
        "(var.o)",
        "f(1)",
        "!var.o",
        "1 + var.o",
        "aws_x.y.arn",
        "var.o ? 1 : 2",
        "[for a in var.o : a]",
        "{ (var.o) = 1 }",
        "\"a${local.b}\"",
        "\"%{ if var.o }a%{ endif }\"",
        "local.a.none",
        "local",
        "each.key",
        "var[\"n\"]",
        "local.a.k[9]",
        "local.a.k[-1]",
        "path.module",
        "null.x",
        "count.index",
        "var.none",
    ] {
        is_unknown(unknown, others);
    }
}

#[test]
fn cycles_are_unknown() {
    let others = "locals {\n a = local.b\n b = [local.c]\n c = \"${local.a}\"\n}\n";
    assert_eq!(x("local.a", others), json!([{ "$unknown": "local.c" }]));
    is_unknown("local.a", "locals { a = local.a }");
    is_unknown("var.a", "variable \"a\" { default = var.a }");
}

#[test]
fn operators() {
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 8", json!(6.5)),
        ("(1 + 2) * -3 % 4", json!(-1)),
        ("0.5 + 0.25", json!(0.75)),
        ("\"2\" * 3", json!(6)),
        ("1 < 2 && 2 >= 2 || false", json!(true)),
        ("1 == 1 != false", json!(true)),
        ("\"a\" == \"a\"", json!(true)),
        ("1 == \"1\"", json!(false)),
        ("null == null", json!(true)),
        ("[] == null", json!(false)),
        ("!true", json!(false)),
        ("true ? 1 : x.y", json!(1)),
        ("false && x.y", json!(false)),
        ("x.y || true", json!(true)),
        ("1 > 2 ? 3 : 4 > 3 ? 5 : 6", json!(5)),
        ("- 2 + 5", json!(3)),
        ("true ? 1 : \"a\"", json!("1")),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        "1 / 0",
        "0.1 + 0.2",
        "-0",
        "1 / 3",
        "\"a\" + 1",
        "1 && true",
        "null + 1",
        "null ? 1 : 2",
        "[] == []",
        "{} == {}",
        "x.y && true",
        "[1] < [2]",
        "-\"a\"",
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn loops() {
    let others = "locals {\n m = { b = 1, a = 2 }\n s = toset([\"y\", \"x\", \"y\"])\n}\n";
    assert_eq!(x("[for k, v in local.m : \"${k}${v}\"]", others), json!(["a2", "b1"]));
    assert_eq!(x("{ for k, v in local.m : v => k }", others), json!({ "2": "a", "1": "b" }));
    assert_eq!(x("{ for v in [\"a\", \"b\", \"a\"] : v => 1... }", others), json!({ "a": [1, 1], "b": [1] }));
    assert_eq!(x("[for k, v in local.s : \"${k}${v}\"]", others), json!(["xx", "yy"]));
    assert_eq!(x("[for a in [1, 2] : [for b in [a, 3] : a * b]]", others), json!([[1, 3], [4, 6]]));
    assert_eq!(x("[for v in [1, x.y] : v]", others), json!([1, { "$unknown": "v" }]));
    assert_eq!(x("[for v in [1, 2, 3] : v if v > 1]", others), json!([2, 3]));
    for unknown in
        ["{ for v in [\"a\", \"a\"] : v => 1 }", "[for v in [x.y] : v if v]", "[for v in 1 : v]", "local.s[0]"]
    {
        is_unknown(unknown, others);
    }
}

#[test]
fn functions() {
    for (expression, expected) in [
        ("format(\"%s-%03d%%-%v\", \"a\", 7, true)", json!("a-007%-true")),
        ("formatlist(\"%s/%s\", \"a\", [\"b\", \"c\"])", json!(["a/b", "a/c"])),
        ("join(\",\", [\"a\", 1], [\"b\"])", json!("a,1,b")),
        ("split(\",\", \"a,b,\")", json!(["a", "b", ""])),
        ("lower(\"ABC\")", json!("abc")),
        ("upper(\"abc\")", json!("ABC")),
        ("trimspace(\" a \\n\")", json!("a")),
        ("trim(\"?!a?!\", \"!?\")", json!("a")),
        ("trimprefix(\"aab\", \"a\")", json!("ab")),
        ("trimsuffix(\"abb\", \"b\")", json!("ab")),
        ("chomp(\"a\\r\\n\\n\")", json!("a")),
        ("replace(\"a.b.c\", \".\", \"-\")", json!("a-b-c")),
        ("substr(\"hello\", 1, 3)", json!("ell")),
        ("substr(\"hello\", -2, -1)", json!("lo")),
        ("startswith(\"ab\", \"a\") && endswith(\"ab\", \"b\") && strcontains(\"ab\", \"ab\")", json!(true)),
        ("indent(2, \"a\\nb\")", json!("a\n  b")),
        ("merge({ a = 1, b = 1 }, null, { b = 2 })", json!({ "a": 1, "b": 2 })),
        ("merge([{ a = 1 }, { b = 2 }]...)", json!({ "a": 1, "b": 2 })),
        ("concat([1], [], [2])", json!([1, 2])),
        ("lookup({ a = 1 }, \"a\", 2) + lookup({}, \"a\", 2)", json!(3)),
        ("coalesce(null, \"\", \"a\")", json!("a")),
        ("coalescelist([], [1])", json!([1])),
        ("compact([\"a\", \"\", null])", json!(["a"])),
        ("contains([\"a\", x.y], \"a\")", json!(true)),
        ("distinct([\"b\", \"a\", \"b\"])", json!(["b", "a"])),
        ("distinct([1, \"1\", 2])", json!(["1", "2"])),
        ("element([1, 2], 3)", json!(2)),
        ("flatten([[1], [[2], 3], []])", json!([1, 2, 3])),
        ("index([\"a\", \"b\"], \"b\")", json!(1)),
        ("keys({ b = 1, a = 2 })", json!(["a", "b"])),
        ("values({ b = 1, a = 2 })", json!([2, 1])),
        ("length([x.y, 1]) + length({}) + length(\"abc\")", json!(5)),
        ("range(1, 6, 2)", json!([1, 3, 5])),
        ("reverse([1, 2])", json!([2, 1])),
        ("setunion([\"b\"], [\"a\"])", json!(["a", "b"])),
        ("setintersection([\"b\", \"a\"], [\"a\"])", json!(["a"])),
        ("setsubtract([\"b\", \"a\"], [\"a\"])", json!(["b"])),
        ("slice([1, 2, 3], 1, 3)", json!([2, 3])),
        ("sort([\"b\", \"a\"])", json!(["a", "b"])),
        ("zipmap([\"a\"], [1])", json!({ "a": 1 })),
        ("one([]) == null && one([1]) == 1", json!(true)),
        ("alltrue([true, \"true\"]) && anytrue([false, x.y, true])", json!(true)),
        ("tostring(1.50)", json!("1.5")),
        ("tonumber(\"2\")", json!(2)),
        ("tobool(\"true\")", json!(true)),
        ("tolist(toset([\"b\", \"a\"]))", json!(["a", "b"])),
        ("max(1, 3, 2) - min(1, 2)", json!(2)),
        ("abs(-1) + ceil(1.2) + floor(-1.2) + signum(-5)", json!(0)),
        ("sum([1, 2])", json!(3)),
        ("parseint(\"ff\", 16)", json!(255)),
        (
            "jsonencode({ b = [1, null, \"<&>\"], a = true })",
            json!("{\"a\":true,\"b\":[1,null,\"\\u003c\\u0026\\u003e\"]}"),
        ),
        ("base64decode(base64encode(\"aé\"))", json!("aé")),
        ("try(1, x.y)", json!(1)),
        ("can([])", json!(true)),
        ("core::lower(\"A\")", json!("a")),
        ("nonsensitive(sensitive(\"a\"))", json!("a")),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        "file(\"a\")",
        "timestamp()",
        "uuid()",
        "try(x.y, 1)",
        "can(x.y)",
        "coalesce(x.y, 1)",
        "contains([x.y], 1)",
        "join(\",\", [x.y])",
        "merge(x.y, {})",
        "concat([1], x.y)",
        "flatten([x.y])",
        "lower()",
        "lower(1, 2)",
        "format(\"%s\")",
        "format(\"a\", 1)",
        "format(\"%q\", 1)",
        "format(\"%d\", 1.5)",
        "replace(\"a\", \"\", \"b\")",
        "split(\"\", \"a\")",
        "tonumber(\"a\")",
        "slice([1], 0, 2)",
        "element([], 0)",
        "length(\"é\")",
        "substr(\"é\", 0, 1)",
        "range(2000)",
        "range(1, 2, 0)",
        "index([1], 2)",
        "one([1, 2])",
        "toset([[]])",
        "jsonencode(x.y)",
        "base64decode(\"?\")",
        "lookup({}, \"a\")",
        "provider::aws::f(1)",
        "parseint(\"z\", 10)",
        "sum([])",
        "zipmap([\"a\"], [])",
        "format(\"%\")",
        "format(\"%é\", 1)",
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn variables_are_of_their_type() {
    let of = |declared: &str, default: &str| {
        x("var.v", &format!("variable \"v\" {{\n type = {declared}\n default = {default}\n}}\n"))
    };
    let unknown = json!({ "$unknown": "var.v" });
    assert_eq!(of("string", "5"), "5");
    assert_eq!(of("number", "\"5\""), 5);
    assert_eq!(of("bool", "\"true\""), true);
    assert_eq!(of("\"string\"", "true"), "true");
    assert_eq!(of("any", "5"), 5);
    assert_eq!(of("list(string)", "[1, \"a\"]"), json!(["1", "a"]));
    assert_eq!(of("set(string)", "[\"b\", \"a\", \"b\"]"), json!(["a", "b"]));
    assert_eq!(of("map(number)", "{ a = \"1\" }"), json!({ "a": 1 }));
    assert_eq!(
        of("object({ a = optional(string, \"d\"), b = optional(bool), c = list(number) })", "{ c = [\"1\"], x = 1 }"),
        json!({ "a": "d", "b": null, "c": [1] })
    );
    assert_eq!(
        of("object({ a = optional(object({ b = optional(number, 1) }), {}) })", "{}"),
        json!({ "a": { "b": 1 } })
    );
    assert_eq!(of("list(object({ a = optional(string, \"d\") }))", "[{ a = null }]"), json!([{ "a": "d" }]));
    for (declared, default) in
        [("number", "\"a\""), ("object({ a = string })", "{}"), ("list(number)", "[\"a\"]"), ("map(string)", "[]")]
    {
        assert_eq!(of(declared, default), unknown, "{declared}");
    }
    assert_eq!(x("var.v", "variable \"v\" {\n default = null\n}\n"), json!(null));
}

#[test]
fn networks_are_reckoned() {
    for (expression, expected) in [
        (r#"cidrsubnet("10.0.0.0/8", 8, 2)"#, json!("10.2.0.0/16")),
        (r#"cidrsubnet("172.16.0.0/12", 4, 15)"#, json!("172.31.0.0/16")),
        (r#"cidrsubnet("10.1.2.3/8", 0, 0)"#, json!("10.0.0.0/8")),
        (r#"cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)"#, json!("fd00:fd12:3456:7800:a200::/72")),
        (r#"cidrsubnet("0.0.0.0/0", 32, 1)"#, json!("0.0.0.1/32")),
        (r#"cidrhost("10.12.112.0/20", 16)"#, json!("10.12.112.16")),
        (r#"cidrhost("10.12.112.0/20", -1)"#, json!("10.12.127.255")),
        (r#"cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)"#, json!("fd00:fd12:3456:7890::22")),
        (r#"cidrnetmask("172.16.0.0/12")"#, json!("255.240.0.0")),
        (r#"cidrnetmask("0.0.0.0/0")"#, json!("0.0.0.0")),
        (
            r#"cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)"#,
            json!(["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"]),
        ),
        (r#"[for c in cidrsubnets("10.0.0.0/16", 8) : cidrhost(c, 1)]"#, json!(["10.0.0.1"])),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        r#"cidrsubnet("10.0.0.0/8", 8, 256)"#,
        r#"cidrsubnet("10.0.0.0/30", 3, 0)"#,
        r#"cidrsubnet("10.0.0.0/8", -1, 0)"#,
        r#"cidrsubnet("10.0.0.0", 8, 1)"#,
        r#"cidrsubnet(var.o, 8, 1)"#,
        r#"cidrhost("10.0.0.0/30", 4)"#,
        r#"cidrhost("10.0.0.0/30", -5)"#,
        r#"cidrnetmask("fd00::/8")"#,
        r#"cidrsubnets("10.0.0.0/30", 1, 1, 1)"#,
        r#"cidrsubnets("10.0.0.0/8", 25)"#,
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn patterns_are_matched() {
    for (expression, expected) in [
        (r#"regex("[a-z]+", "53453453.345345aaabbbccc23454")"#, json!("aaabbbccc")),
        (r#"regex("(\\d\\d\\d\\d)-(\\d\\d)-(\\d\\d)", "2019-02-01")"#, json!(["2019", "02", "01"])),
        (
            r#"regex("^(?:(?P<scheme>[^:/?#]+):)?(?://(?P<authority>[^/?#]*))?", "https://terraform.io/docs")"#,
            json!({"scheme": "https", "authority": "terraform.io"}),
        ),
        (r#"regex("a(b)?", "a")"#, json!([null])),
        (r#"regexall("[a-z]+", "1234abcd5678efgh9")"#, json!(["abcd", "efgh"])),
        (r#"length(regexall("x", "abc")) > 0"#, json!(false)),
        (r#"regexall("(.)=(.)", "a=b,c=d")"#, json!([["a", "b"], ["c", "d"]])),
        (r#"replace("hello world", "/w.*d/", "everybody")"#, json!("hello everybody")),
        (r#"replace("a1b2", "/([a-z])([0-9])/", "$2$1")"#, json!("1a2b")),
        (r#"replace("1 + 2 + 3", "+", "-")"#, json!("1 - 2 - 3")),
        (r#"regex("[[:alpha:]]+", "12ab")"#, json!("ab")),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    // No match, no pattern, what the two libraries read in different ways, and what is not known.
    for unknown in [
        r#"regex("x", "abc")"#,
        r#"regex("(", "abc")"#,
        r#"regex("\\<a", "a")"#,
        r#"regex("[a&&b]", "a")"#,
        r#"regex("[[a]", "a")"#,
        r#"regex("(?x)a b", "ab")"#,
        r#"regex("\\w", "é")"#,
        r#"regex("(?P<a>.)(.)", "ab")"#,
        r#"regexall("a{1000}{1000}{1000}", "a")"#,
        r#"regex(var.o, "a")"#,
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn values_are_hashed_and_encoded() {
    for (expression, expected) in [
        (r#"md5("hello world")"#, json!("5eb63bbbe01eeed093cb22bb8f5acdc3")),
        (r#"sha1("hello world")"#, json!("2aae6c35c94fcfb415dbe95f408b9ce91ee846ed")),
        (r#"sha256("hello world")"#, json!("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")),
        (r#"base64sha256("hello world")"#, json!("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=")),
        (r#"substr(sha512("hello world"), 0, 16)"#, json!("309ecc489c12d6eb")),
        (r#"substr(base64sha512("hello world"), 0, 8)"#, json!("MJ7MSJwS")),
        (r#"jsondecode("{\"a\": [1, null, true, \"x\"]}")"#, json!({"a": [1, null, true, "x"]})),
        (r#"jsondecode(jsonencode({ b = 1.5 })).b"#, json!(1.5)),
        (r#"yamldecode("a: [1, x]\nb: yes\n")"#, json!({"a": [1, "x"], "b": "yes"})),
        (r#"yamlencode({ a = "b", "c" = "d" })"#, json!("\"a\": \"b\"\n\"c\": \"d\"\n")),
        (
            r#"yamlencode({ foo = [1, { a = "b", c = "d" }, 3], bar = "baz" })"#,
            json!("\"bar\": \"baz\"\n\"foo\":\n- 1\n- \"a\": \"b\"\n  \"c\": \"d\"\n- 3\n"),
        ),
        (
            r#"yamlencode({ a = { b = [] , c = {}, d = null } })"#,
            json!("\"a\":\n  \"b\": []\n  \"c\": {}\n  \"d\": null\n"),
        ),
        (r#"urlencode("Hello World!/é")"#, json!("Hello+World%21%2F%C3%A9")),
        (r#"title("hello world")"#, json!("Hello World")),
        (r#"strrev("abc")"#, json!("cba")),
        (r#"basename("foo/bar/baz.txt")"#, json!("baz.txt")),
        (r#"dirname("foo/bar/baz.txt")"#, json!("foo/bar")),
        (r#"chunklist(["a", "b", "c"], 2)"#, json!([["a", "b"], ["c"]])),
        (r#"matchkeys(["i1", "i2", "i3"], ["west", "east", "east"], ["east"])"#, json!(["i2", "i3"])),
        (r#"setproduct(["a", "b"], [1])"#, json!([["a", 1], ["b", 1]])),
        (r#"transpose({ a = ["1", "2"], b = ["2"] })"#, json!({"1": ["a"], "2": ["a", "b"]})),
        (
            r#"format("%5s|%-5s|%05d|%x|%.2f|%q|%+d|%%", "ab", "cd", 42, 255, 1.5, "x", 7)"#,
            json!("   ab|cd   |00042|ff|1.50|\"x\"|+7|%"),
        ),
    ] {
        assert_eq!(x(expression, ""), expected, "{expression}");
    }
    for unknown in [
        r#"md5(var.o)"#,
        r#"sha256()"#,
        r#"jsondecode("{")"#,
        r#"jsondecode(var.o)"#,
        r#"yamldecode("a: [")"#,
        r#"yamlencode({ a = "b\nc" })"#,
        r#"yamlencode([var.o])"#,
        r#"format("%.1f", 1.25)"#,
        r#"format("%s")"#,
        r#"format("%999d", 1)"#,
    ] {
        is_unknown(unknown, "");
    }
}

#[test]
fn what_is_known_of_an_encoded_document_is_told() {
    let encoded = |text: &str, json| json!({ "$unknown": text, "$json": json });
    for (expression, expected) in [
        ("jsonencode([x.y])", json!([{ "$unknown": "x.y" }])),
        (
            "jsonencode({ b = [1, null, \"<\"], (\"a\") = \"${x.y}/*\", \"$unknown\" = true })",
            json!({ "b": [1, null, "<"], "a": { "$unknown": "\"${x.y}/*\"" }, "$$unknown": true }),
        ),
        (
            "jsonencode({ a = jsonencode({ b = x.y }) })",
            json!({ "a": encoded("jsonencode({ b = x.y })", json!({ "b": { "$unknown": "x.y" } })) }),
        ),
        ("jsonencode(merge({ a = 1 }, { b = x.y }))", json!({ "a": 1, "b": { "$unknown": "x.y" } })),
    ] {
        assert_eq!(x(expression, ""), encoded(expression, expected), "{expression}");
    }
    let others = "locals {\n p = jsonencode({ a = x.y })\n}\n";
    let document = json!({ "a": { "$unknown": "x.y" } });
    assert_eq!(x("local.p", others), encoded("local.p", document.clone()));
    assert_eq!(x("\"${local.p}\"", others), encoded("\"${local.p}\"", document));
    // Whatever is made of it is not known, but for what it is made of.
    is_unknown("upper(local.p)", others);
    is_unknown("\"${local.p} \"", others);
    is_unknown("local.p == local.p", others);
    is_unknown("jsonencode(merge({ a = 1 }, x.y))", "");
    is_unknown("jsondecode(local.p)", others);
}
