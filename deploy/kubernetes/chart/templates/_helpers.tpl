{{- define "wsgiprobe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "wsgiprobe.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "wsgiprobe.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wsgiprobe.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wsgiprobe.selector" -}}
app.kubernetes.io/name: {{ include "wsgiprobe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "wsgiprobe.labels" -}}
{{ include "wsgiprobe.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: profiler
{{- end }}

{{- define "wsgiprobe.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wsgiprobe.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* Cluster-wide names: two releases must not share them. */ -}}
{{- define "wsgiprobe.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "wsgiprobe.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "wsgiprobe.tokenSecret" -}}
{{- default (printf "%s-influxdb" (include "wsgiprobe.fullname" .)) .Values.influxdb.token.secret }}
{{- end }}

{{- define "wsgiprobe.hasToken" -}}
{{- if and .Values.influxdb.url (or .Values.influxdb.token.secret .Values.influxdb.token.value) }}true{{ end }}
{{- end }}

{{- /* The port of a URL. */ -}}
{{- define "wsgiprobe.port" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- if $port }}{{ $port }}{{ else if eq $url.scheme "https" }}443{{ else }}80{{ end }}
{{- end }}

{{- define "wsgiprobe.args" -}}
- --all
- --no-tui
- --interval={{ .Values.interval }}
- --identity={{ .Values.identity }}
- --health={{ .Values.listen }}:{{ .Values.health.port }}
{{- if not .Values.kubernetes.enabled }}
- --kubernetes=off
{{- end }}
{{- if .Values.prometheus.enabled }}
- --prometheus={{ .Values.listen }}:{{ .Values.prometheus.port }}
{{- end }}
{{- with .Values.influxdb }}
{{- if .url }}
- --influx-url={{ .url }}
{{- if .database }}
- --influx-db={{ .database }}
{{- if or .token.secret .token.value }}
- --influx-api=3
{{- end }}
{{- else }}
- --influx-org={{ required "influxdb.org, or influxdb.database" .org }}
- --influx-bucket={{ required "influxdb.bucket" .bucket }}
{{- end }}
{{- if .raw }}
- --influx-raw
{{- end }}
{{- if .spool.enabled }}
- --influx-spool=/var/lib/wsgiprobe/influx
- --influx-spool-size={{ .spool.size }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.otlp }}
{{- if .url }}
- --otlp={{ .url }}
- --otlp-protocol={{ .protocol }}
{{- end }}
{{- end }}
{{- if .Values.config }}
- --config=/etc/wsgiprobe/wsgiprobe.toml
{{- end }}
{{- end }}
