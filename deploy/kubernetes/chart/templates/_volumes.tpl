{{- define "wsgiprobe.mounts" -}}
{{- if .Values.config }}
- name: config
  mountPath: /etc/wsgiprobe
  readOnly: true
{{- end }}
{{- if and .Values.influxdb.url .Values.influxdb.spool.enabled }}
- name: spool
  mountPath: /var/lib/wsgiprobe/influx
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "wsgiprobe.volumes" -}}
{{- if .Values.config }}
- name: config
  configMap:
    name: {{ include "wsgiprobe.fullname" . }}
{{- end }}
{{- if and .Values.influxdb.url .Values.influxdb.spool.enabled }}
# On the node: it outlives the pod, and the next one delivers what waits.
- name: spool
  hostPath:
    path: {{ .Values.influxdb.spool.hostPath }}
    type: DirectoryOrCreate
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
