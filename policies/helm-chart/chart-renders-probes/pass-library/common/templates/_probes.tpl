{{- define "common.probes" }}
livenessProbe: {}
{{- end }}
