{{- define "shop.probes" -}}
{{- range $name := list "liveness" "readiness" }}
{{ $name }}Probe:
  httpGet: {path: /{{ $name }}, port: http}
{{- end }}
{{- end }}
