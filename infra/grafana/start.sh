#!/bin/sh
# Starts Grafana, but not without a password of its own: where the file cannot be read or is empty, Grafana would take
# "admin". A secret of Compose is the file itself, with its own mode: Grafana's user, 472, must be able to read it.
file=$GF_SECURITY_ADMIN_PASSWORD__FILE
if ! password=$(cat "$file"); then
  echo "Grafana does not start: its user ($(id -u)) cannot read the password. chmod 644 the file of GRAFANA_ADMIN_PASSWORD_FILE, in a folder that others may not enter." >&2
  exit 1
fi
if [ -z "$password" ]; then
  echo 'Grafana does not start: the file of GRAFANA_ADMIN_PASSWORD_FILE is empty. Write a password into it.' >&2
  exit 1
fi
exec "$@"
