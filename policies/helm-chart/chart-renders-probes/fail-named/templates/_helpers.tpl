{{- define "shop.labels" -}}
app: shop
{{- end }}
{{- define "shop.deployment" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
    spec:
      {{- include "shop.labels" . | nindent 6 }}
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          ports:
            - name: http
              containerPort: {{ .Values.port }}
{{- end }}
{{- define "shop.template" }}
spec:
  containers:
    - name: web
      ports: [{containerPort: 80}]
{{- end }}
