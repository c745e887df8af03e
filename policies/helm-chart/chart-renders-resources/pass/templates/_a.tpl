{{- define "shop.resources" }}
resources: {}
{{- end }}
