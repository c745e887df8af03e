{{- define "base.probes" }}
livenessProbe: {}
{{- end }}
