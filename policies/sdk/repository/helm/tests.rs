use super::*;
use crate::testing::look_as;
use crate::uses::Usable;
use crate::write::ToJson;

fn entry(kind: &str, name: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    format!(
        r#"{{"subject":{{"kind":"{kind}","name":"{name}"}},"document":{{"name":"shop","lines":{}}}}}"#,
        lines.to_json()
    )
}

/// Looks at a template beside helpers.
fn look<T>(text: &str, helpers: &str, look: impl FnOnce(&Templates<'_>) -> T) -> T {
    let lines: Vec<&str> = text.lines().collect();
    let document = format!(r#"{{"lines":{}}}"#, lines.to_json());
    let helpers = format!("[{}]", entry("HelmHelpers", "shop/templates/_helpers.tpl", helpers));
    let chart = format!("[{}]", entry("HelmChart", "shop/Chart.yaml", ""));
    let answers = [chart.as_str(), &helpers, "[]", "[]"];
    look_as(("HelmTemplate", ""), &document, OwnTemplate::QUERIES, &answers, |input| {
        look(&Templates::of_template(input))
    })
}

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      {{- include \"shop.pod\" . | nindent 6 }}
      containers:
        - name: web
          {{- include \"shop.probes\" . | nindent 10 }}
          ports:
            - containerPort: 8080
              name: http
        - name: proxy
          {{- toYaml .Values.proxy | nindent 10 }}
        - name: other
          {{- include \"lib.more\" . | nindent 10 }}
";
const HELPERS: &str = "\
{{- define \"shop.pod\" -}}
serviceAccountName: web
{{- end }}
{{- define \"shop.probes\" -}}
{{- with .Values.probe }}
readinessProbe:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
";

#[test]
fn keys_are_written_passed_unknown_or_absent() {
    look(WEB, HELPERS, |templates| {
        let workloads = templates.workloads();
        let [web] = &workloads[..] else { panic!("{}", workloads.len()) };
        assert_eq!((web.kind, web.fixed_replicas(), web.is_long_running()), ("Deployment", Some(1), true));
        let said: Vec<Said> = web.containers().iter().map(|it| it.says(&["readinessProbe"])).collect();
        assert_eq!(said, [Said::Written, Said::Passed, Said::Unknown("lib.more".into())]);
        assert_eq!(web.containers()[0].says(&["lifecycle"]), Said::Absent);
        assert_eq!(web.pod_says(&["serviceAccountName"]), Said::Written);
        assert_eq!(web.pod_says(&["affinity"]), Said::Absent);
        assert_eq!(web.container_says(&["lifecycle"]), Said::Passed);
        assert_eq!(called(&web.containers()[1]), "container `proxy`");
        assert!(serves(&web.containers()[0]) && !serves(&web.containers()[1]));
        // What is included is shown where it is.
        let probe = &web.containers()[0].get("readinessProbe")[0];
        assert_eq!(probe.shown().1.pointer(), "/lines/10");
        assert_eq!(probe.guards(), ["with .Values.probe"]);
        assert_eq!(web.containers()[0].shown().1.pointer(), "/lines/9");
    });
}

#[test]
fn objects_are_in_files_and_in_named_templates() {
    let named = "{{ define \"shop.all\" }}\n---\nkind: Service\n---\nkind: {{ ternary \"DaemonSet\" \"Deployment\" .x }}\nspec:\n  template:\n    spec:\n      containers: {{ toYaml .all }}\n{{ end }}";
    look(
        "{{- if .Values.on }}\n{{ include \"shop.all\" . }}\n{{- end }}\n{{ include \"lib.pdb\" . }}\n---\nkind: RoleList\nitems:\n- kind: Role\n",
        named,
        |templates| {
            let (objects, missing) = templates.objects();
            assert_eq!((objects.len(), missing), (4, vec!["lib.pdb".to_owned()]));
            assert_eq!(templates.renders(&["Service"]), Said::Written);
            assert_eq!(templates.renders(&["Role"]), Said::Written);
            assert_eq!(templates.renders(&["Secret"]), Said::Unknown("lib.pdb".into()));
            assert_eq!(objects[0].guards(), ["if .Values.on"]);
            assert_eq!(objects[0].shown().1.pointer(), "/lines/1");
            let workloads = templates.workloads();
            assert_eq!(workloads[0].kind, "DaemonSet");
            assert_eq!(workloads[0].container_says(&["resources"]), Said::Passed);
        },
    );
}

#[test]
fn named_templates_that_include_themselves_end() {
    let again = "{{ include \"a\" . }}\n".repeat(20);
    let helpers = &format!("{{{{ define \"a\" }}}}\n{again}{{{{ end }}}}");
    look("kind: Pod\nspec:\n  {{ include \"a\" . }}\n", helpers, |templates| {
        assert_eq!(templates.workloads()[0].pod_says(&["x"]), Said::Unknown("a".into()));
    });
}

#[test]
fn hooks_and_tests_are_known() {
    look("kind: Job\nmetadata:\n  annotations:\n    \"helm.sh/hook\": pre-install\n", "", |templates| {
        assert!(templates.objects().0[0].is_hook() && templates.workloads().is_empty());
    });
    assert!(is_test("a/templates/tests/x.yaml") && !is_test("a/templates/x.yaml"));
    assert!(is_for_tests("e2e/chart/Chart.yaml") && !is_for_tests("charts/test-runner/Chart.yaml"));
}
